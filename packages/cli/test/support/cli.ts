/** Runs the command as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import type { Installed } from "./installed.js";

interface Run {
  code: number | null;
  out: string;
  err: string;
  /** stdout as the one JSON object that it must be. */
  json(): Record<string, unknown>;
}
interface RunOptions {
  stdin?: string | Uint8Array;
  env?: Record<string, string | undefined>;
  cwd?: string;
}

export interface Cli {
  (args: readonly string[], options?: RunOptions): Promise<Run>;
  start(args: readonly string[], options?: RunOptions): ChildProcess;
}

export function cliOf({ app, bin }: Installed, everywhere: readonly string[] = []): Cli {
  function start(args: readonly string[], { env, cwd = app }: RunOptions = {}): ChildProcess {
    // NODE_PATH, which pnpm sets, would find packages that are not installed here.
    const { HOOKLATCH_STORE, NO_COLOR, FORCE_COLOR, COLUMNS, EDITOR, VISUAL, NODE_PATH, ...rest } =
      process.env;
    return spawn(process.execPath, [bin, ...args, ...everywhere], { cwd, env: { ...rest, ...env } });
  }
  const run = async (args: readonly string[], options: RunOptions = {}): Promise<Run> => {
    const child = start(args, options);
    const { stdin, stdout, stderr } = child;
    // The command may end without reading it.
    stdin?.on("error", () => {});
    stdin?.end(options.stdin ?? "");
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const [out, err, code] = await Promise.all([text(stdout as never), text(stderr as never), ended]);
    return { code, out, err, json: () => JSON.parse(out) as Record<string, unknown> };
  };
  return Object.assign(run, { start });
}
