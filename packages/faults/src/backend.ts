/** Where a run keeps its operations and letters. Plain data: it reaches the apps as JSON. */
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import type { RedisBackend } from "./backends/redis.js";
import type { SqliteBackend } from "./backends/sqlite.js";

export type Backend = SqliteBackend | RedisBackend;

export interface OpenBackend {
  readonly store: IdempotencyStore;
  readonly letters: DeadLetterQueue;
  /** `ok`, or what is wrong with the data at rest. Absent where there is no way to tell. */
  integrity?(): string;
  /** Removes all that it keeps. */
  clear?(): Promise<void>;
  /** Store, letters and their client. */
  close(): Promise<void>;
}

/** Loads no more than this backend needs: every start of an app waits for it. */
export async function openBackend(backend: Backend): Promise<OpenBackend> {
  if (backend.kind === "sqlite") return (await import("./backends/sqlite.js")).openSqlite(backend);
  return (await import("./backends/redis.js")).openRedis(backend);
}

/** Opens it for as long as `act` takes. */
export async function withBackend<T>(backend: Backend, act: (open: OpenBackend) => Promise<T>): Promise<T> {
  const open = await openBackend(backend);
  try {
    return await act(open);
  } finally {
    await open.close();
  }
}
