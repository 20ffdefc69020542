/** An app with a worker, as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";
import type { Installed } from "./installed.js";

export interface App {
  /** What its handler ran, so far. */
  readonly runs: readonly { order: string; replay: boolean }[];
  stop(): Promise<void>;
}

const children = new Set<ChildProcess>();
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
});

export async function startApp({ app }: Installed, file: string): Promise<App> {
  const program = join(app, "app.mjs");
  copyFileSync(fileURLToPath(new URL("../fixtures/app.mjs", import.meta.url)), program);
  const child = spawn(process.execPath, [program, file], { cwd: app, stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const runs: { order: string; replay: boolean }[] = [];
  const lines = createInterface({ input: child.stdout });
  const ready = once(lines, "line");
  await ready;
  lines.on("line", (line) => runs.push(JSON.parse(line)));
  return {
    runs,
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
      children.delete(child);
    },
  };
}
