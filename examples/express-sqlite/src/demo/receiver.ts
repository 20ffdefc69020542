/** The receiver as a process of its own, so that it can be killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { until } from "./until.js";

export interface ReceiverProcess {
  readonly url: string;
  readonly pid: number | undefined;
  /** Everything it has printed. */
  output(): string;
  /** Waits until it has printed this. */
  printed(text: string): Promise<void>;
  /** `kill -9`: no handler, no cleanup. */
  kill(): Promise<void>;
  /** SIGTERM. Resolves to its exit code. */
  stop(): Promise<number | null>;
}

const here = fileURLToPath(new URL("../..", import.meta.url));
const running = new Set<ChildProcess>();
// However this process ends, it leaves none behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Starts the server of this example, or of the one in `folder`, on any free port. */
export async function startReceiver(
  env: NodeJS.ProcessEnv,
  folder = here,
  server = "src/server.ts",
): Promise<ReceiverProcess> {
  const child = spawn(process.execPath, ["--import", "tsx", server], {
    cwd: folder,
    env: { ...process.env, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let output = "";
  const keep = (chunk: Buffer): void => {
    output += chunk;
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const closed = once(child, "close").then(([code]) => {
    running.delete(child);
    return code as number | null;
  });

  const url = await until("the receiver listens", () => {
    if (!running.has(child)) throw new Error(`The receiver did not start:\n${output}`);
    return /listening on (\S+)\n/.exec(output)?.[1];
  });
  return {
    url,
    pid: child.pid,
    output: () => output,
    async printed(text) {
      await until(`the receiver prints "${text}"`, () => output.includes(text) || undefined);
    },
    async kill() {
      child.kill("SIGKILL");
      await closed;
    },
    stop() {
      child.kill("SIGTERM");
      return closed;
    },
  };
}
