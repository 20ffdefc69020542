/** Which store and which queue a command works on. */
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import { type Config, findConfig, loadConfig } from "./config-file.js";
import { usage } from "./exit.js";
import type { Session } from "./session.js";
import { type Opened, openUrl, passwordsIn, readStoreUrl, withoutPassword } from "./store-url.js";

export interface WhereOptions {
  store?: string;
  deadLetters?: string;
  prefix?: string;
  config?: string;
}

/** Opened when they are first asked for, so that a command needs only what it uses. */
export interface Place {
  store(): Promise<IdempotencyStore>;
  /** @param mayCreate a SQLite file that is not there is made */
  deadLetters(mayCreate?: boolean): Promise<DeadLetterQueue>;
  /** Whether a queue is named; with a config there may be none. */
  hasDeadLetters(): Promise<boolean>;
  /** Options that name this place again, without passwords. */
  readonly again: readonly string[];
  close(): Promise<void>;
}

const VARIABLE = "HOOKLATCH_STORE";

/**
 * `--store`, else `--config`, else the environment, else the config in the working directory.
 * @throws {CliError} `wrong_usage`
 */
export function placeOf(options: WhereOptions, session: Session): Place {
  const { prefix } = options;
  if (options.store !== undefined && options.config !== undefined) {
    throw usage("Say either --store or --config.");
  }
  const url =
    options.store ?? (options.config === undefined ? process.env[VARIABLE] || undefined : undefined);
  const config = url === undefined ? (options.config ?? findConfig()) : undefined;
  const elsewhere = options.deadLetters;
  if (url === undefined && config === undefined && elsewhere === undefined) {
    throw usage(
      `Say which store: --store sqlite:events.db, --store redis://localhost:6379, --config FILE, ${VARIABLE} in the environment, or a hooklatch.config.mjs here.`,
    );
  }
  const storeUrl = url === undefined ? undefined : readStoreUrl(url);
  const queueUrl = elsewhere === undefined ? storeUrl : readStoreUrl(elsewhere);
  if (prefix !== undefined && [storeUrl, queueUrl].every((one) => one?.kind !== "redis")) {
    throw usage("--prefix is for Redis.");
  }
  for (const secret of [url, elsewhere].flatMap((one) => passwordsIn(one ?? ""))) session.hide(secret);

  const opened = new Map<string, Promise<Opened>>();
  let configured: Promise<Config> | undefined;
  let store: Promise<IdempotencyStore> | undefined;
  let queue: Promise<DeadLetterQueue> | undefined;

  function open(at: NonNullable<typeof storeUrl>, mayCreate: boolean): Promise<Opened> {
    const name = JSON.stringify(at);
    const there = opened.get(name) ?? openUrl(at, { prefix, mayCreate });
    opened.set(name, there);
    return there;
  }
  function fromConfig(): Promise<Config> {
    configured ??= config === undefined ? Promise.resolve({}) : loadConfig(config);
    return configured;
  }
  async function openStore(): Promise<IdempotencyStore> {
    if (storeUrl !== undefined) return (await open(storeUrl, false)).store();
    const { store: own } = await fromConfig();
    if (own === undefined) throw usage("Say which store: only dead letters are named.");
    return own;
  }
  async function openQueue(mayCreate: boolean): Promise<DeadLetterQueue> {
    if (queueUrl !== undefined) return (await open(queueUrl, mayCreate)).deadLetters();
    const { deadLetters: own } = await fromConfig();
    if (own === undefined) throw usage(`${config} has no \`deadLetters\`.`);
    return own;
  }
  return {
    store() {
      store ??= openStore();
      return store;
    },
    deadLetters(mayCreate = false) {
      queue ??= openQueue(mayCreate);
      return queue;
    },
    hasDeadLetters: async () => queueUrl !== undefined || (await fromConfig()).deadLetters !== undefined,
    again: [
      ...(options.store === undefined ? [] : ["--store", withoutPassword(options.store)]),
      ...(elsewhere === undefined ? [] : ["--dead-letters", withoutPassword(elsewhere)]),
      ...(prefix === undefined ? [] : ["--prefix", prefix]),
      ...(options.config === undefined ? [] : ["--config", options.config]),
    ],
    async close() {
      const own = await configured?.catch(() => undefined);
      await own?.deadLetters?.close?.();
      await own?.store?.close?.();
      await own?.close?.();
      for (const one of opened.values()) await (await one.catch(() => undefined))?.close();
    },
  };
}
