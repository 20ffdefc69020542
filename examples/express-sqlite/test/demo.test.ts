/** The demo, as a user runs it: on the built packages. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqliteDeadLetters } from "@hooklatch/sqlite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Ended, root, runNode } from "./processes.js";

const DEMO = ["--import", "tsx", "src/demo.ts"];

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
/** Each demo leaves its data in a folder of its own. */
function folder(): { DEMO_FOLDER: string } {
  const made = mkdtempSync(join(tmpdir(), "hooklatch-demo-"));
  folders.push(made);
  return { DEMO_FOLDER: made };
}

beforeAll(async () => {
  const { code, output } = await runNode([join(root, "scripts", "build.mjs")]);
  expect(code, output).toBe(0);
}, 120_000);

interface Row {
  mark: string;
  sent: string;
  effects: number;
  ended: string;
}

/** The table: between the second rule and the third. */
function rowsOf({ output }: Ended): Row[] {
  const [, , table = ""] = output.split(/^─+$/m);
  return table
    .split("\n")
    .filter((line) => /^[✔✘] /.test(line))
    .map((line) => {
      const [sent = "", _answered, _runs, effects, _orders, ended = ""] = line.slice(2).split(/ {2,}/);
      return { mark: line.slice(0, 1), sent, effects: Number(effects), ended };
    });
}

it("keeps every promise, and says so in a table", async () => {
  const data = folder();
  const demo = await runNode(DEMO, data);
  expect(demo.code, demo.output).toBe(0);
  expect(demo.output).toMatch(/^16 of 16 as promised, in [\d.]+ s$/m);
  expect(demo.output).not.toContain("✘");
  // The last line: how to look at what was left.
  const [last = ""] = demo.output.trimEnd().split("\n").slice(-1);
  expect(last).toContain(`HOOKLATCH_DB='${join(data.DEMO_FOLDER, "hooklatch.db")}'`);
  expect(last).toMatch(/open http:\/\/127\.0\.0\.1:3000\/hooklatch$/);
  const kept = sqliteDeadLetters(join(data.DEMO_FOLDER, "hooklatch.db"));
  expect(await kept.count()).toBe(3);
  await kept.close?.();
  // No colours into a pipe.
  expect(demo.output).not.toContain("\x1b[");
  expect(
    rowsOf(demo).map(({ mark, sent, effects, ended }) => `${mark} ${sent}: ${effects}, ${ended}`),
  ).toEqual([
    "✔ three events: 3, completed",
    "✔ one of them again: 1, completed",
    "✔ 20 copies of an event at once: 1, completed",
    "✔ a wrong signature: 0, nothing stored",
    "✔ a key, again with another body: 1, completed",
    "✔ fails twice, then works: 1, completed",
    "✔ poison: no such product: 0, dead letter",
    "✔ slower than the response window: 1, completed",
    "✔ the slow one again: 1, completed",
    "✔ kill -9 before the effect; restarted: 1, completed",
    "✔ kill -9 after the effect; restarted: 2, completed",
    "✔ the letter replayed, its cause fixed: 1, completed",
  ]);
}, 90_000);

it("fails when the receiver forgets at once what it has handled", async () => {
  const demo = await runNode(DEMO, { RETENTION_MS: "1", ...folder() });
  expect(demo.code, demo.output).toBe(1);
  expect(demo.output).toMatch(/^\d+ of 16 as promised, \d+ NOT, in [\d.]+ s$/m);
  const repeated = rowsOf(demo).find(({ sent }) => sent === "one of them again");
  expect(repeated).toMatchObject({ mark: "✘", effects: 2 });
}, 90_000);

it("leaves no process and no file behind when it is interrupted", async () => {
  let url = "";
  let temp = "";
  const demo = await runNode(DEMO, folder(), (output, kill) => {
    const said = /on (\S+), its databases are in (\S+)\.\n/.exec(output);
    if (said === null || url !== "") return;
    [url, temp] = [said[1] as string, said[2] as string];
    kill("SIGINT");
  });
  expect(demo.code, demo.output).toBe(130);
  expect(existsSync(temp)).toBe(false);
  await expect(fetch(url)).rejects.toThrow();
}, 90_000);
