/** better-sqlite3, as far as it is needed here. */

/** What Hooklatch needs of a better-sqlite3 `Database`: pass one of those. Its types are not part of ours. */
export interface SqliteDatabase {
  readonly name: string;
  /** Whether it lives in memory or in a temporary file: what it holds ends with its connection. */
  readonly memory: boolean;
  readonly readonly: boolean;
  readonly open: boolean;
  readonly inTransaction: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  pragma(source: string, options?: { simple?: boolean }): unknown;
  close(): unknown;
}

/** What Hooklatch needs of a better-sqlite3 `Statement`. */
export interface SqliteStatement {
  run(...params: unknown[]): { changes: number; lastInsertRowid: number | bigint };
  get(...params: unknown[]): unknown;
  all(...params: unknown[]): unknown[];
  safeIntegers(toggle?: boolean): unknown;
  raw(toggle?: boolean): unknown;
}

/** A prepared statement that reads integers as numbers, even where the app's own connection reads them as `bigint`. */
export function prepare(db: SqliteDatabase, sql: string): SqliteStatement {
  const statement = db.prepare(sql);
  statement.safeIntegers(false);
  return statement;
}

/** One that gives each row as an array: making an object of 26 columns costs better-sqlite3 more than finding the row. */
export function prepareRaw(db: SqliteDatabase, sql: string): SqliteStatement {
  const statement = prepare(db, sql);
  statement.raw(true);
  return statement;
}
