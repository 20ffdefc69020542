/**
 * One connection's reads and writes. Writes that arrive together are committed together: one `fsync` for all of them, so that
 * `synchronous=FULL` costs nothing under load. Nobody is answered before the commit.
 *
 * A lock that another process holds is waited for asynchronously: SQLite's own busy wait would block the event loop, and with it the
 * heartbeats of all running handlers.
 */
import { HooklatchError } from "@hooklatch/core";
import { LOCK_TIMEOUT_MS, type OpenDatabase } from "./database.js";

export interface Connection {
  /** Runs a read; waits while the file is locked. */
  read<T>(query: () => T): Promise<T>;
  /** Runs a write inside a transaction that it may share with others; resolves after the commit. */
  write<T>(change: () => T): Promise<T>;
  /** Commits what was accepted, then closes what was opened here. Afterwards everything rejects with `store_closed`. */
  close(): Promise<void>;
}

interface Write {
  change: () => unknown;
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
  until: number;
}

/** Bounds how long one transaction blocks the event loop. */
const LARGEST_BATCH = 128;
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
    await new Promise<void>((resolve) => setImmediate(resolve));
    for (let failures = 0; queue.length > 0; ) {
      const batch = queue.slice(0, LARGEST_BATCH);
      if (commitTogether(batch)) {
        queue = queue.slice(batch.length);
        failures = 0;
        if (queue.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
        continue;
      }
      const now = performance.now();
      for (const write of queue.filter((w) => w.until <= now)) write.reject(busy());
      queue = queue.filter((w) => w.until > now);
      await pause(++failures);
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
      rollback();
      if (isBusy(error)) return false;
      if (batch.length === 1) batch[0]?.reject(asCoded(error));
      // One that fails must not take the others with it: each by itself.
      else for (const write of batch) if (!commitTogether([write])) write.reject(busy());
      return true;
    }
    batch.forEach((write, i) => {
      write.resolve(values[i] as never);
    });
    return true;
  }

  function begin(): boolean {
    // A transaction of the app's own on a shared connection: wait until it is over.
    if (db.inTransaction) return false;
    const timeoutMs = owned ? undefined : db.pragma("busy_timeout", { simple: true });
    try {
      if (!owned) db.pragma(`busy_timeout = ${LOCK_TIMEOUT_MS}`);
      db.exec("BEGIN IMMEDIATE");
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    } finally {
      if (!owned) db.pragma(`busy_timeout = ${Number(timeoutMs)}`);
    }
  }

  function rollback(): void {
    // SQLite has rolled back by itself after some errors, such as a full disk.
    if (db.inTransaction) db.exec("ROLLBACK");
  }

  function assertOpen(): void {
    if (closing !== undefined || !db.open) throw new HooklatchError("store_closed", "This store is closed.");
  }

  return {
    async read(query) {
      assertOpen();
      const until = performance.now() + busyTimeoutMs;
      for (let failures = 0; ; ) {
        try {
          return query();
        } catch (error) {
          if (!isBusy(error)) throw asCoded(error);
          if (performance.now() >= until) throw busy();
        }
        await pause(++failures);
        assertOpen();
      }
    },

    async write<T>(change: () => T) {
      assertOpen();
      return new Promise<T>((resolve, reject) => {
        queue.push({ change, resolve, reject, until: performance.now() + busyTimeoutMs });
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

/** 1, 2, 4, … up to 25 ms, with jitter, so that processes waiting for one lock do not come back together. */
function pause(failures: number): Promise<void> {
  const ms = Math.min(2 ** failures, LONGEST_PAUSE_MS) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "");
}

function isBusy(error: unknown): boolean {
  return /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error));
}

function busy(): HooklatchError {
  return new HooklatchError("store_busy", "Another connection holds the lock of the database.", {
    retryable: true,
  });
}

function asCoded(error: unknown): unknown {
  if (HooklatchError.is(error)) return error;
  const text = `SQLite failed: ${codeOf(error)} ${error instanceof Error ? error.message : String(error)}`;
  return new HooklatchError("store_unavailable", text, { cause: error, retryable: true });
}
