/** Receiver processes: started, restarted when they end, and never left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type AppConfig, CONFIG_VARIABLE } from "./app-config.js";
import type { Note } from "./ledger.js";

export interface App {
  /** Unique for each process: place and generation. */
  readonly name: string;
  readonly url: string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** `kill -9` */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** SIGTERM; resolves when the process has ended by itself. */
  terminate(): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface FleetOptions {
  /** The app to run: see bundle.ts. */
  bundle: string;
  size: number;
  config: Omit<AppConfig, "name">;
  note: Note;
  /** Whether a process that ended is replaced. Default: true. */
  restart?: boolean | undefined;
}

export class Fleet {
  readonly #places: (App | undefined)[] = [];
  readonly #children = new Set<ChildProcess>();
  readonly #starting = new Set<Promise<unknown>>();
  #generation = 0;
  #closing = false;

  private constructor(readonly options: FleetOptions) {}

  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options);
    try {
      await Promise.all(Array.from({ length: options.size }, (_, place) => fleet.fill(place)));
    } catch (error) {
      fleet.killAll();
      throw error;
    }
    return fleet;
  }

  /** The processes that receive. */
  get apps(): App[] {
    return this.#places.filter((app) => app !== undefined);
  }

  /** Resolves when every place is filled. */
  async full(): Promise<App[]> {
    while (!this.#closing && this.apps.length < this.options.size) await sleep(5);
    return this.apps;
  }

  /** Starts the process of one place. Only the first process of all crashes at `crashAt`. */
  async fill(place: number): Promise<App> {
    const name = `app${place}.${++this.#generation}`;
    const { crashAt, ...rest } = this.options.config;
    const crash = this.#generation === 1 && crashAt !== undefined ? { crashAt } : {};
    const child = spawn(process.execPath, [this.options.bundle], {
      env: { ...process.env, [CONFIG_VARIABLE]: JSON.stringify({ ...rest, ...crash, name }) },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#children.add(child);
    let stderr = "";
    child.stderr?.on("data", (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-2_000);
    });
    let asked: "kill" | "term" | null = null;
    let ready = false;
    const { note } = this.options;
    const exited = once(child, "exit").then(([code, signal]) => {
      this.#children.delete(child);
      note({ kind: "exit", of: name, code, signal, asked, stderr });
      if (this.#places[place]?.name === name) this.#places[place] = undefined;
      if (ready && this.options.restart !== false) this.#refill(place);
      return { code, signal };
    });
    const send = (fault: "kill" | "pause" | "resume" | "term", signal: NodeJS.Signals): void => {
      note({ kind: "fault", fault, to: name });
      child.kill(signal);
    };
    const port = await Promise.race([
      once(child, "message").then(([message]) => (message as { port: number }).port),
      exited.then(() => undefined),
    ]);
    if (port === undefined) throw new Error(`${name} ended while it started:\n${stderr}`);
    ready = true;
    const app: App = {
      name,
      url: `http://127.0.0.1:${port}/events`,
      exited,
      async kill() {
        asked = "kill";
        send("kill", "SIGKILL");
        await exited;
      },
      pause: () => send("pause", "SIGSTOP"),
      resume: () => send("resume", "SIGCONT"),
      terminate: () => {
        asked = "term";
        // No new deliveries for a process that is told to stop, as behind a load balancer; some are on their way.
        if (this.#places[place] === app) this.#places[place] = undefined;
        send("term", "SIGTERM");
        return exited;
      },
    };
    this.#places[place] = app;
    return app;
  }

  #refill(place: number): void {
    const start = this.#startUntilReady(place);
    this.#starting.add(start);
    void start.finally(() => this.#starting.delete(start));
  }

  async #startUntilReady(place: number): Promise<void> {
    while (!this.#closing) {
      try {
        await this.fill(place);
        return;
      } catch {
        // Its exit, with what it said, is in the ledger.
        await sleep(250);
      }
    }
  }

  /** Ends all processes: SIGTERM, and `kill -9` for those that have not ended in time. */
  async close(patienceMs = 10_000): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#starting);
    const apps = this.apps;
    const ended = Promise.all(apps.map((app) => app.terminate()));
    await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
    this.killAll();
    await ended;
  }

  /** `kill -9` for all that is left. */
  killAll(): void {
    this.#closing = true;
    for (const child of this.#children) child.kill("SIGKILL");
  }

  /** `killAll`, and nothing runs any longer when it resolves. */
  async end(): Promise<void> {
    this.killAll();
    await Promise.all(this.#starting);
    while (this.#children.size > 0) await sleep(5);
  }
}
