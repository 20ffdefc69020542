/**
 * One connection's reads and writes. Writes that arrive together are committed together: one `fsync` for all of them, so that
 * `synchronous=FULL` costs nothing under load. Nobody is answered before the commit.
 *
 * A lock that another process holds is waited for asynchronously: SQLite's own busy wait would block the event loop, and with it the
 * heartbeats of all running handlers.
 */
import { HooklatchError } from "@hooklatch/core";
import { isBusy, sqliteCode, storeBusy } from "./busy.js";
import { LOCK_TIMEOUT_MS, type OpenDatabase } from "./open.js";

export interface Connection {
  /** Runs a read; waits while the file is locked. */
  read<T>(query: () => T): Promise<T>;
  /**
   * Runs a write inside a transaction that it may share with others; resolves after the commit. It may run twice: what the first run
   * did is then rolled back. `bytes`: about how much it writes.
   */
  write<T>(change: () => T, bytes?: number): Promise<T>;
  /** @throws {HooklatchError} `store_closed` */
  assertOpen(): void;
  /** Commits what was accepted, then closes what was opened here. Afterwards everything rejects with `store_closed`. */
  close(): Promise<void>;
}

interface Write {
  change: () => unknown;
  bytes: number;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  /** When waiting for a lock is given up. */
  until: number;
  /** Was part of a batch that failed. */
  alone: boolean;
}

/** These bound how long one transaction blocks the event loop. */
const LARGEST_BATCH = 128;
const LARGEST_BATCH_BYTES = 2 * 1024 * 1024;
const LONGEST_PAUSE_MS = 25;

export function createConnection({ db, owned }: OpenDatabase, busyTimeoutMs: number): Connection {
  let queue: Write[] = [];
  let flushing: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  /** Never rejects. */
  async function flushAll(): Promise<void> {
    try {
      await flushQueue();
    } catch (error) {
      const failed = queue;
      queue = [];
      for (const write of failed) write.reject(asCoded(error));
    } finally {
      // Whoever was answered by the last commit may have queued a write since.
      flushing = queue.length > 0 ? flushAll() : undefined;
    }
  }

  async function flushQueue(): Promise<void> {
    // What arrives in the same turn of the event loop shares a transaction.
    await nextTurn();
    for (let failures = 0; queue.length > 0; ) {
      if (commitTogether(batchOf(queue))) {
        failures = 0;
        if (queue.length > 0) await nextTurn();
        continue;
      }
      const now = performance.now();
      for (const write of queue.filter((w) => w.until <= now)) write.reject(storeBusy());
      queue = queue.filter((w) => w.until > now);
      if (queue.length > 0) await pause(++failures);
    }
  }

  /** `false`: the database is locked, and nothing has happened. */
  function commitTogether(batch: readonly Write[]): boolean {
    if (!begin()) return false;
    const values: unknown[] = [];
    try {
      for (const write of batch) values.push(write.change());
      db.exec("COMMIT");
    } catch (error) {
      // SQLite has rolled back by itself after some errors, such as a full disk.
      if (db.inTransaction) db.exec("ROLLBACK");
      if (isBusy(error)) return false;
      const [only] = batch;
      if (only !== undefined && batch.length === 1) {
        queue = queue.slice(1);
        only.reject(asCoded(error));
      }
      // One that fails must not take the others with it: they stay queued, each by itself.
      for (const write of batch) write.alone = true;
      return true;
    }
    queue = queue.slice(batch.length);
    batch.forEach((write, i) => {
      write.resolve(values[i] as never);
    });
    return true;
  }

  function begin(): boolean {
    // A transaction of the app's own on a shared connection: wait until it is over.
    if (db.inTransaction) return false;
    try {
      if (owned) db.exec("BEGIN IMMEDIATE");
      else withShortTimeout(() => db.exec("BEGIN IMMEDIATE"));
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    }
  }

  /** The timeout of an app's own connection is the app's, except for this moment. */
  function withShortTimeout(lock: () => void): void {
    const timeoutMs = Number(db.pragma("busy_timeout", { simple: true }));
    db.pragma(`busy_timeout = ${Math.min(timeoutMs, LOCK_TIMEOUT_MS)}`);
    try {
      lock();
    } finally {
      db.pragma(`busy_timeout = ${timeoutMs}`);
    }
  }

  function asCoded(error: unknown): unknown {
    if (HooklatchError.is(error)) return error;
    if (!db.open) return storeClosed();
    const text = `SQLite failed: ${sqliteCode(error)} ${error instanceof Error ? error.message : String(error)}`;
    return new HooklatchError("store_unavailable", text, { cause: error, retryable: true });
  }

  function assertOpen(): void {
    if (closing !== undefined || !db.open) throw storeClosed();
  }

  return {
    assertOpen,

    async read(query) {
      assertOpen();
      for (let failures = 0, until = 0; ; ) {
        try {
          return query();
        } catch (error) {
          if (!isBusy(error)) throw asCoded(error);
          const now = performance.now();
          if (failures === 0) until = now + busyTimeoutMs;
          if (now >= until) throw storeBusy(error);
        }
        await pause(++failures);
        assertOpen();
      }
    },

    write<T>(change: () => T, bytes = 0) {
      return new Promise<T>((resolve, reject) => {
        assertOpen();
        const until = performance.now() + busyTimeoutMs;
        queue.push({ change, bytes, resolve, reject, until, alone: false });
        flushing ??= flushAll();
      });
    },

    close() {
      closing ??= (async () => {
        while (flushing !== undefined) await flushing;
        if (owned && db.open) db.close();
      })();
      return closing;
    },
  };
}

/** The writes at the head of the queue that go into one transaction. */
function batchOf(queue: readonly Write[]): Write[] {
  const batch: Write[] = [];
  let bytes = 0;
  for (const write of queue) {
    bytes += write.bytes;
    const full = batch.length === LARGEST_BATCH || bytes > LARGEST_BATCH_BYTES;
    if (batch.length > 0 && (full || write.alone || batch[0]?.alone)) break;
    batch.push(write);
  }
  return batch;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** 2, 4, 8, … up to 25 ms, with jitter, so that processes waiting for one lock do not come back together. */
function pause(failures: number): Promise<void> {
  const ms = Math.min(2 ** failures, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function storeClosed(): HooklatchError {
  return new HooklatchError("store_closed", "This store is closed.");
}
