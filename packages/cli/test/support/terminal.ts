/** Runs the command in a real pseudo-terminal, 80 columns wide. */
import { spawn } from "node:child_process";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { Installed } from "./installed.js";

const driver = fileURLToPath(new URL("../fixtures/terminal.py", import.meta.url));

export interface Shown {
  code: number;
  output: string;
  /** Texts that were waited for in vain. */
  left: string[];
}

export async function inTerminal(
  { app, bin }: Installed,
  args: readonly string[],
  steps: readonly (readonly [waitFor: string, typed: string])[] = [],
  env: Record<string, string> = {},
): Promise<Shown> {
  const { HOOKLATCH_STORE, NO_COLOR, FORCE_COLOR, COLUMNS, CI, EDITOR, VISUAL, ...rest } = process.env;
  const child = spawn("python3", [driver], { stdio: ["pipe", "pipe", "inherit"] });
  const job = { argv: [process.execPath, bin, ...args], cwd: app, steps };
  child.stdin.end(JSON.stringify({ ...job, env: { ...rest, TERM: "xterm-256color", ...env } }));
  return (await json(child.stdout)) as Shown;
}
