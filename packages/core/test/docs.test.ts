/** docs/errors.md has a heading for each code, and for nothing else. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("docs/errors.md explains every error code", () => {
  const union = /export type ErrorCode =([^;]*);/.exec(read("../src/errors.ts"))?.[1] ?? "";
  const codes = [...union.matchAll(/"(\w+)"/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(20);
  const headings = [...read("../../../docs/errors.md").matchAll(/^## `(\w+)`$/gm)].map(([, code]) => code);
  expect(headings.filter((code) => codes.includes(code))).toEqual(codes);
  // What only an HTTP answer says.
  const answers = ["../src/receiver.ts", "../src/refusal.ts"].map(read).join();
  for (const heading of headings.filter((code) => !codes.includes(code)))
    expect(answers).toContain(`"${heading}"`);
});
