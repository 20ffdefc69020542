/** Hooklatch in a process of its own: silent, without unhandled rejections, and gone soon after `close()`. */
import { fork } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;

beforeAll(async () => {
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, "process-"));
  await build({
    config: false,
    silent: true,
    entry: [fileURLToPath(new URL("./support/app.ts", import.meta.url))],
    tsconfig: join(root, "tsconfig.json"),
    outDir: folder,
    format: "cjs",
    target: "node20",
    outExtension: () => ({ js: ".cjs" }),
    noExternal: [/./],
    splitting: false,
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  report: { answers: unknown[]; lingeredMs: number; resources: string[] } | undefined;
}

/** Runs the app; a process that does not end by itself is killed at the deadline. */
function run(scenario: string): Promise<Ended> {
  return new Promise((resolve) => {
    const execArgv = ["--unhandled-rejections=strict", "--trace-warnings", "--disable-proto=throw"];
    const child = fork(join(folder, "app.cjs"), [scenario], { execArgv, silent: true, timeout: 15_000 });
    let output = "";
    let report: Ended["report"];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
    child.on("message", (message) => {
      report = message as Ended["report"];
    });
    child.on("close", (code, signal) => resolve({ code, signal, output, report }));
  });
}

test("success, failure, dead letter, a sender that goes away, close: silent, and the process ends", async () => {
  const { code, signal, output, report } = await run("life");
  expect(output).toBe("");
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(report?.answers).toEqual([201, 201, 201, 200, 200, 200, 201, 400]);
  expect(report?.lingeredMs).toBeLessThan(2_000);
});

test("a handler that never ends keeps neither close() nor the process", async () => {
  const { code, signal, output, report } = await run("never");
  expect(output).toBe("");
  expect({ code, signal }).toEqual({ code: 0, signal: null });
  expect(report?.answers).toEqual([202]);
  expect(report?.lingeredMs).toBeLessThan(2_000);
});

test.each([
  ["async key", 400],
  ["async tenant", 400],
  ["async fingerprint", 500],
  ["async redact", 500],
])("%s that rejects, which the types forbid: %d, and no unhandled rejection", async (scenario, status) => {
  const { code, output, report } = await run(scenario);
  expect(output).toBe("");
  expect(code).toBe(0);
  expect(report?.answers).toEqual([status]);
});
