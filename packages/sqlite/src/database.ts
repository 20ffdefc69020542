/** Opening a database so that what is committed stays committed. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { HooklatchError } from "@hooklatch/core";
import Database from "better-sqlite3";
import { migrate, type Part } from "./schema.js";

/** What Hooklatch needs of a better-sqlite3 database. */
export interface SqliteDatabase {
  readonly name: string;
  readonly memory: boolean;
  readonly readonly: boolean;
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(source: string, options?: { simple?: boolean }): unknown;
  close(): unknown;
}

export interface SqliteStatement {
  run(...params: unknown[]): { changes: number; lastInsertRowid: number | bigint };
  get(...params: unknown[]): unknown;
  all(...params: unknown[]): unknown[];
}

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

/**
 * Opens a path, or takes a database of the app's own, with `journal_mode=WAL` and `synchronous=FULL`, both read back, and the tables of
 * one part at their newest version.
 *
 * @throws {HooklatchError} `invalid_option`, `store_not_durable`, `store_version_unsupported`, `store_unavailable`, `schema_newer`
 */
export function openDatabase(
  pathOrDatabase: string | SqliteDatabase,
  part: Part,
  what: string,
): OpenDatabase {
  const owned = typeof pathOrDatabase === "string";
  const db = owned ? openPath(pathOrDatabase, what) : given(pathOrDatabase, what);
  try {
    const version = (db.prepare("SELECT sqlite_version() AS version").get() as { version: string }).version;
    assertSqliteVersion(version);
    makeDurable(db);
    migrate(db, part);
    if (owned) db.pragma(`busy_timeout = ${LOCK_TIMEOUT_MS}`);
    return { db, owned };
  } catch (error) {
    if (owned) db.close();
    if (HooklatchError.is(error)) throw error;
    throw new HooklatchError("store_unavailable", `${db.name} cannot be used: ${String(error)}`, {
      cause: error,
    });
  }
}

function openPath(path: string, what: string): SqliteDatabase {
  if (path !== "" && path !== ":memory:" && !existsSync(dirname(path))) {
    throw new HooklatchError(
      "invalid_option",
      `${what}: the directory of ${path} does not exist; create it first.`,
    );
  }
  try {
    return new Database(path, { timeout: OPEN_TIMEOUT_MS }) as SqliteDatabase;
  } catch (cause) {
    throw new HooklatchError("store_unavailable", `${path} cannot be opened: ${String(cause)}`, { cause });
  }
}

function given(db: SqliteDatabase, what: string): SqliteDatabase {
  if (typeof db?.prepare === "function" && typeof db.pragma === "function" && db.open) return db;
  throw new HooklatchError("invalid_option", `${what}: pass a path, or an open better-sqlite3 database.`);
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
 * `synchronous` belongs to the connection, not to the file: only the connection that switches a file to WAL gets FULL by default, each
 * later one gets NORMAL, under which a power loss takes back what was confirmed. So it is set on every open.
 */
function makeDurable(db: SqliteDatabase): void {
  if (db.readonly) throw new HooklatchError("store_unavailable", `${db.name} is open read-only.`);
  if (db.memory) return;
  const mode = db.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") {
    throw new HooklatchError(
      "store_not_durable",
      `${db.name} cannot use WAL (journal_mode is ${String(mode)}).`,
    );
  }
  db.pragma("synchronous = FULL");
  const level = db.pragma("synchronous", { simple: true });
  if (typeof level !== "number" || level < 2) {
    throw new HooklatchError(
      "store_not_durable",
      `${db.name} refuses synchronous=FULL (it is ${String(level)}).`,
    );
  }
}
