/** Stores that are named by a URL. */
import { existsSync } from "node:fs";
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import { CliError, EXIT, usage } from "./exit.js";
import { loadPeer } from "./peers.js";

export type StoreUrl = { kind: "sqlite"; file: string } | { kind: "redis"; url: string };

/** What was opened, and is to be closed. */
export interface Opened {
  store(): IdempotencyStore;
  deadLetters(): DeadLetterQueue;
  close(): Promise<void>;
}

/** @throws {CliError} `wrong_usage` */
export function readStoreUrl(text: string): StoreUrl {
  if (/^rediss?:\/\//i.test(text)) return { kind: "redis", url: text };
  const [, file] = /^sqlite:(?:\/\/)?(.+)$/is.exec(text) ?? [];
  if (file === ":memory:") throw usage("A database in memory is empty: name a file, as in sqlite:events.db.");
  if (file !== undefined) return { kind: "sqlite", file };
  throw usage(
    `A store is sqlite:FILE, redis://HOST or rediss://HOST; it is not ${withoutPassword(text)}. For any other, write a hooklatch.config.mjs.`,
  );
}

/** Parameters whose values are secret; ioredis reads any of its options from them. */
const SECRET = /([?&][^=&]*(?:pass|pwd|secret|token|auth|cred)[^=&]*=)([^&]+)/gi;

/**
 * The text without its passwords. It need not be a URL: one that is mistyped, or whose password has a `/` that is not escaped, may be told
 * in an error, too. So everything up to the last `@` is left out, and rather too much than too little.
 */
export function withoutPassword(url: string): string {
  if (isFile(url)) return url;
  return url.replace(SECRET, "$1***").replace(/^([a-z][a-z\d+.-]*:(?:\/\/)?)?.*@/is, "$1***@");
}

/** The passwords, as they are written and as they are meant. */
export function passwordsIn(url: string): string[] {
  if (isFile(url)) return [];
  const [, own] = /^(?:[a-z][a-z\d+.-]*:)?\/*[^/?#:@]*:(.+)@/is.exec(url.replace(SECRET, "$1")) ?? [];
  const found = [own, ...Array.from(url.matchAll(SECRET), ([, , value]) => value)];
  return [...new Set(found.flatMap((password) => (password ? [password, decoded(password)] : [])))];
}

function isFile(url: string): boolean {
  return /^sqlite:/i.test(url);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * @param mayCreate a SQLite file that is not there is made; else it is refused, because a mistyped path would be an empty store
 * @throws {CliError} `store_missing`, `package_missing`, `store_unavailable`
 */
export async function openUrl(
  url: StoreUrl,
  { prefix, mayCreate }: { prefix: string | undefined; mayCreate: boolean },
): Promise<Opened> {
  return url.kind === "sqlite" ? openSqlite(url.file, mayCreate) : openRedis(url.url, prefix);
}

function openSqlite(file: string, mayCreate: boolean): Opened {
  if (!mayCreate && !existsSync(file)) {
    throw new CliError("store_missing", `There is no file ${file}; it was not created.`, EXIT.notFound);
  }
  const { sqliteStore, sqliteDeadLetters } = loadPeer(
    "@hooklatch/sqlite",
    "SQLite",
    "@hooklatch/sqlite better-sqlite3",
  ) as unknown as typeof import("@hooklatch/sqlite");
  const open: { close?(): Promise<void> }[] = [];
  function opened<T extends { close?(): Promise<void> }>(one: T): T {
    open.push(one);
    return one;
  }
  return {
    store: () => opened(sqliteStore(file)),
    deadLetters: () => opened(sqliteDeadLetters(file)),
    async close() {
      for (const one of open) await one.close?.();
    },
  };
}

async function openRedis(url: string, prefix: string | undefined): Promise<Opened> {
  const install = "@hooklatch/redis ioredis";
  const { redisStore, redisDeadLetters } = loadPeer(
    "@hooklatch/redis",
    "Redis",
    install,
  ) as unknown as typeof import("@hooklatch/redis");
  const { Redis } = loadPeer("ioredis", "Redis", install) as unknown as typeof import("ioredis");
  let connected = false;
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    // At the start a wrong address is told at once; later a connection that broke is made again.
    retryStrategy: (times) => (connected ? Math.min(times * 100, 2_000) : null),
  });
  let reason: unknown;
  client.on("error", (error) => {
    reason = error;
  });
  try {
    await client.connect();
    await client.ping();
    connected = true;
  } catch (error) {
    client.disconnect();
    throw new CliError(
      "store_unavailable",
      `${withoutPassword(url)} does not answer: ${messageOf(reason ?? error)}`,
    );
  }
  const options = prefix === undefined ? {} : { prefix };
  return {
    store: () => redisStore(client, options),
    deadLetters: () => redisDeadLetters(client, options),
    async close() {
      client.disconnect();
    },
  };
}

/** An `AggregateError`, as of a host with several addresses, has no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}
