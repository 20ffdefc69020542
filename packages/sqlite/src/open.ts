/** Opening a database so that what is committed stays committed. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { HooklatchError } from "@hooklatch/core";
import Database from "better-sqlite3";
import { isBusy, storeBusy } from "./busy.js";
import { prepare, type SqliteDatabase } from "./database.js";
import { isTemporary } from "./options.js";
import { migrate, type Part, refuseNewer } from "./schema.js";

export interface OpenDatabase {
  db: SqliteDatabase;
  /** Opened here, so closed here. */
  owned: boolean;
}

/** The first SQLite without the WAL-reset race, which can corrupt a file that several connections write to. */
const OLDEST_SQLITE = [3, 51, 3] as const;
/** Opening may wait for another process that is opening, too: at start-up nobody waits for the event loop. */
const OPEN_TIMEOUT_MS = 5_000;
/** How long one attempt to lock blocks the event loop. The rest of the waiting is asynchronous. */
export const LOCK_TIMEOUT_MS = 10;
/** `PRAGMA synchronous`, as it is read back. */
const FULL = 2;
/** What a checkpoint leaves of a WAL that a long reader made large. */
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

/**
 * Opens a path, or takes a database of the app's own, with `journal_mode=WAL` and `synchronous=FULL`, both read back, and the tables of
 * one part at their newest version.
 *
 * @throws {HooklatchError} `invalid_option`, `store_not_durable`, `store_version_unsupported`, `store_busy`, `store_unavailable`,
 * `schema_newer`
 */
export function openDatabase(
  pathOrDatabase: string | SqliteDatabase,
  part: Part,
  what: string,
): OpenDatabase {
  const owned = typeof pathOrDatabase === "string";
  const db = owned ? openPath(pathOrDatabase, what) : given(pathOrDatabase, what);
  try {
    assertSqliteVersion(
      (prepare(db, "SELECT sqlite_version() AS version").get() as { version: string }).version,
    );
    whileBusy(db, () => {
      // Before anything that writes to the file, the journal mode included.
      refuseNewer(db, part);
      makeDurable(db);
      migrate(db, part);
    });
    assertDurable(db);
    if (owned) {
      db.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
      db.pragma(`busy_timeout = ${LOCK_TIMEOUT_MS}`);
    }
    return { db, owned };
  } catch (error) {
    if (owned) db.close();
    throw cannotUse(db.name, error);
  }
}

/**
 * SQLite does not wait for everything: of two processes that switch a new file to WAL at the same moment, one is refused at once, whatever
 * its busy timeout. Here it waits as long as that says, blocking, as opening does anyway.
 */
function whileBusy(db: SqliteDatabase, setUp: () => void): void {
  const until = performance.now() + Number(db.pragma("busy_timeout", { simple: true }));
  for (;;) {
    try {
      setUp();
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() >= until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}

function openPath(path: string, what: string): SqliteDatabase {
  if (!isTemporary(path) && !statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory()) {
    throw new HooklatchError(
      "invalid_option",
      `${what}: the directory of ${path} does not exist; create it first.`,
    );
  }
  try {
    return new Database(path, { timeout: OPEN_TIMEOUT_MS }) as SqliteDatabase;
  } catch (error) {
    throw cannotUse(path, error);
  }
}

function given(db: SqliteDatabase, what: string): SqliteDatabase {
  if (typeof db?.prepare !== "function" || typeof db.pragma !== "function" || !db.open) {
    throw new HooklatchError("invalid_option", `${what}: pass a path, or an open better-sqlite3 database.`);
  }
  // SQLite can change neither setting inside a transaction, and the tables would go with its rollback.
  if (db.inTransaction) {
    throw new HooklatchError(
      "invalid_option",
      `${what}: the database is inside a transaction; end it first.`,
    );
  }
  return db;
}

function cannotUse(name: string, error: unknown): HooklatchError {
  if (HooklatchError.is(error)) return error;
  if (isBusy(error)) return storeBusy(error);
  return new HooklatchError("store_unavailable", `${name} cannot be used: ${String(error)}`, {
    cause: error,
  });
}

/** @throws {HooklatchError} `store_version_unsupported` */
export function assertSqliteVersion(version: string): void {
  const parts = version.split(".").map(Number);
  for (const [i, least] of OLDEST_SQLITE.entries()) {
    const part = parts[i] ?? 0;
    if (part > least) return;
    if (part < least) {
      const needs = `SQLite ${OLDEST_SQLITE.join(".")} or newer (better-sqlite3 12.8)`;
      throw new HooklatchError("store_version_unsupported", `This is SQLite ${version}; ${needs} is needed.`);
    }
  }
}

/**
 * `synchronous` belongs to the connection, not to the file, and better-sqlite3 is built so that a connection to a WAL file drops to
 * NORMAL, under which a power loss takes back what was confirmed; the one that makes it a WAL file drops with its next transaction. Only
 * a level that was set stays, so it is set on every open, even where it reads FULL already.
 */
function makeDurable(db: SqliteDatabase): void {
  if (db.readonly) throw new HooklatchError("store_unavailable", `${db.name} is open read-only.`);
  if (db.memory) return;
  const mode = String(db.pragma("journal_mode = WAL", { simple: true }));
  if (mode !== "wal") {
    throw new HooklatchError("store_not_durable", `${db.name} cannot use WAL (journal_mode is ${mode}).`);
  }
  // An app's own connection may ask for EXTRA, which is more: that stays.
  if (synchronous(db) <= FULL) db.pragma("synchronous = FULL");
  // On macOS a plain fsync stops at the disk's own cache; elsewhere this does nothing.
  db.pragma("fullfsync = ON");
}

/** Read back at the end, after transactions of our own. */
function assertDurable(db: SqliteDatabase): void {
  if (db.memory) return;
  const level = synchronous(db);
  if (!(level >= FULL)) {
    throw new HooklatchError("store_not_durable", `${db.name} refuses synchronous=FULL (it is ${level}).`);
  }
}

function synchronous(db: SqliteDatabase): number {
  return Number(db.pragma("synchronous", { simple: true }));
}
