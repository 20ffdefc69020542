import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface Ended {
  code: number | null;
  output: string;
}

/** Runs Node in a folder. `onOutput` sees everything printed so far, and may end the process. */
export type RunNode = (
  args: string[],
  env?: NodeJS.ProcessEnv,
  onOutput?: (output: string, kill: (signal: NodeJS.Signals) => void) => void,
) => Promise<Ended>;

export function nodeIn(folder: string): RunNode {
  return async (args, env = {}, onOutput = () => {}) => {
    const child = spawn(process.execPath, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
        onOutput(output, (signal) => child.kill(signal));
      });
    }
    const [code] = await once(child, "close");
    return { code, output };
  };
}

/** In this example's folder. */
export const runNode = nodeIn(fileURLToPath(new URL("..", import.meta.url)));
