/** Processes of the benchmark: each on a core of its own where the machine lets us choose. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";

/** What is measured has a core to itself; the load and the store share the others. `anywhere`: many that are measured together. */
export type Place = "measured" | "beside" | "anywhere";

const canPin = availableParallelism() >= 2 && spawnSync("taskset", ["--version"]).status === 0;

/** How the processes are placed, for the report. */
export const placement = canPin
  ? "the app on core 0; load and store on the others (taskset)"
  : "left to the operating system";

const coresOf = (place: Place) => {
  const last = availableParallelism() - 1;
  return { measured: "0", beside: `1-${last}`, anywhere: `0-${last}` }[place];
};

/** Moves a process that somebody else has started, with all its threads: a server. */
export function moveBeside(pid: number): void {
  if (canPin) spawnSync("taskset", ["--all-tasks", "-cp", coresOf("beside"), String(pid)]);
}

export class Worker {
  private constructor(private readonly child: ChildProcess) {}

  static start(
    place: Place,
    program: string,
    args: readonly string[],
    nodeArgs: readonly string[] = [],
  ): Worker {
    const command = [process.execPath, ...nodeArgs, program, ...args];
    const [file = "", ...rest] = canPin ? ["taskset", "-c", coresOf(place), ...command] : command;
    const child = spawn(file, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    return new Worker(child);
  }

  /** The next message. Rejects when the process ends first, or says that it failed. */
  async answer<T>(): Promise<T> {
    const ended = new AbortController();
    try {
      const [message] = await Promise.race([
        once(this.child, "message", { signal: ended.signal }),
        once(this.child, "exit", { signal: ended.signal }).then(() => {
          throw new Error("A process of the benchmark has ended.");
        }),
      ]);
      if (typeof message === "object" && message !== null && "error" in message) {
        throw new Error(String(message.error));
      }
      return message as T;
    } finally {
      ended.abort();
    }
  }

  async ask<T>(question: unknown): Promise<T> {
    const answer = this.answer<T>();
    this.child.send(question as object);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await gone;
  }
}
