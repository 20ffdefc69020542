/** One Redis server as a child process: killed, paused and started again as a test wants it. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findRedis, WHAT_TO_DO } from "./find-redis.mjs";
import { freePort } from "./free-port.js";
import { type Address, ask, askInfo } from "./resp.js";
import { redisServer } from "./test-redis.js";
import { until } from "./until.js";
import { spawnGuarded } from "./watchdog.js";

/** `aof-always`: an answered write is on disk, and survives `kill()`. `none`: `kill()` loses everything. */
export type Persistence = "aof-always" | "none";

export interface RedisOptions {
  /** Default: `none`. */
  persistence?: Persistence | undefined;
  /** More settings, as on the command line: `["--maxmemory-policy", "noeviction"]`. */
  args?: readonly string[] | undefined;
  /** Default: a free one. */
  port?: number | undefined;
  /** Where the server keeps its files; left behind by `stop()`. Default: a temporary one, with a space in its name. */
  directory?: string | undefined;
}

/** The methods resolve when it is so, not when it has been asked for. */
export interface RedisProcess extends Address {
  readonly url: string;
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Another one after each `restart()`. */
  readonly pid: number;
  readonly directory: string;
  /** `kill -9` */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing is answered. */
  pause(): void;
  resume(): void;
  /** On the same port, in the same directory, with the same settings; `kill()` first where it runs. Resolves when all is loaded. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
  /** All that it logged, over all its restarts. */
  output(): string;
}

export interface Launch extends Pick<RedisOptions, "args" | "port" | "directory"> {
  /** Lines of its configuration file, which the server itself may rewrite. */
  config: readonly string[];
}

export const SETTINGS: Record<Persistence, readonly string[]> = {
  "aof-always": ['save ""', "appendonly yes", "appendfsync always"],
  none: ['save ""', "appendonly no"],
};

/** Resolves when the server answers PING. It ends with this process, however this process ends. */
export function startRedis({ persistence = "none", ...options }: RedisOptions = {}): Promise<RedisProcess> {
  return launch({ ...options, config: SETTINGS[persistence] });
}

/** For servers of any kind, a sentinel included. A free port that somebody else takes first is replaced by another one. */
export async function launch({ config, args = [], port, directory }: Launch): Promise<RedisProcess> {
  const binary = redisServer() ?? findRedis()?.path;
  if (binary === undefined) throw new Error(`There is no Redis server on this machine. ${WHAT_TO_DO}`);
  if (directory !== undefined) mkdirSync(directory, { recursive: true });
  const folder = directory ?? mkdtempSync(join(tmpdir(), "hooklatch redis "));
  const removes = directory === undefined;
  for (let tries = 1; ; tries++) {
    const server = new Server(binary, args, port ?? (await freePort()), folder, removes);
    try {
      await server.start(config);
      return server;
    } catch (error) {
      if (error instanceof PortTaken && port === undefined && tries < 10) continue;
      await server.stop();
      throw error;
    }
  }
}

class PortTaken extends Error {}

class Server implements RedisProcess {
  readonly host = "127.0.0.1";
  readonly url: string;
  #child: ChildProcess | undefined;
  #lastOutput: string | undefined;

  constructor(
    readonly binary: string,
    readonly args: readonly string[],
    readonly port: number,
    readonly directory: string,
    readonly removes: boolean,
  ) {
    this.url = `redis://${this.host}:${port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** `config`: what to write into its configuration file. Without it, the file is as the server left it. */
  async start(config?: readonly string[]): Promise<void> {
    if (config !== undefined) {
      const lines = [`port ${this.port}`, `bind ${this.host}`, ...config];
      writeFileSync(join(this.directory, "redis.conf"), `${lines.join("\n")}\n`);
    }
    const log = openSync(this.#log, "a");
    const before = this.output().length;
    const child = spawnGuarded(this.binary, ["redis.conf", ...this.args], { cwd: this.directory, log });
    closeSync(log);
    this.#child = child;
    try {
      await until("the server answers PING", async () => hasEnded(child) || (await this.#answers()));
    } catch (error) {
      await this.kill();
      throw new Error(`${this.binary} does not answer:\n${this.output().slice(before)}`, { cause: error });
    }
    if (!hasEnded(child)) return;
    const said = this.output().slice(before);
    const text = `${this.binary} ended (${child.signalCode ?? `exit code ${child.exitCode}`}):\n${said}`;
    throw /Address already in use/i.test(said) ? new PortTaken(text) : new Error(text);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const gone = once(child, "exit");
    child.ref();
    // With what it has forked to save or to rewrite its log, which would go on writing.
    process.kill(-(child.pid as number), "SIGKILL");
    await gone;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async restart(): Promise<void> {
    await this.kill();
    for (let tries = 1; ; tries++) {
      try {
        return await this.start();
      } catch (error) {
        if (!(error instanceof PortTaken) || tries === 50) throw error;
        await sleep(100);
      }
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    this.#lastOutput ??= this.output();
    if (!this.removes) return;
    // A child that was forked to save may have made a file meanwhile: unlike `rmSync`, each retry looks for more of them.
    await rm(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
  }

  output(): string {
    return this.#lastOutput ?? readFileSync(this.#log, "utf8");
  }

  get #log(): string {
    return join(this.directory, "redis.log");
  }

  /** Whether it is this process that answers: the port may be another server's. */
  async #answers(): Promise<boolean> {
    const info = await askInfo(this, ["INFO", "server"], 500);
    return info.get("process_id") === String(this.pid) && (await ask(this, ["PING"], 500)) === "PONG";
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
