/** `sqliteDeadLetters`: dead letters in a table of the same file, or of another one. */
import {
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterQueue,
  HooklatchError,
  isNewer,
  type LetterVersion,
  pageLimit,
} from "@hooklatch/core";
import { prepare, type SqliteDatabase, type SqliteStatement } from "./database.js";
import { createConnection } from "./group-commit.js";
import { openDatabase } from "./open.js";
import { blob, bytes, idOf } from "./operation-row.js";
import { resolveOptions, type SqliteOptions } from "./options.js";

const TABLE = "hooklatch_letters";
/** How long a removed letter keeps out a push that is still on its way. */
const TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000;
const TOMBSTONES_AT_ONCE = 20;

interface LetterRow {
  arrival: number;
  id: string;
  scope: string;
  tenant: string | null;
  key: string;
  born_at: number;
  token: number;
  removed_at: number | null;
  details: string | null;
  event: Uint8Array | null;
}

/** What of a letter is not a column of its own. */
type Details = Pick<DeadLetter, "error" | "attempts" | "rounds" | "firstFailedAt" | "diedAt">;

/**
 * A dead-letter queue in a SQLite file. A push is on disk when it resolves. It may share its file, or its database, with `sqliteStore`.
 * Letters stay until they are removed; of a removed one, id and version stay for 7 days, to keep out a push that comes late.
 *
 * Waits for locks and rejects as `sqliteStore` does.
 *
 * @param pathOrDatabase as for `sqliteStore`
 * @throws {HooklatchError} as `sqliteStore`
 *
 * @example const deadLetters = sqliteDeadLetters("events.db");
 */
export function sqliteDeadLetters(
  pathOrDatabase: string | SqliteDatabase,
  options: SqliteOptions = {},
): DeadLetterQueue {
  const { busyTimeoutMs, now } = resolveOptions(options, "sqliteDeadLetters");
  const opened = openDatabase(pathOrDatabase, "letters", "sqliteDeadLetters");
  const connection = createConnection(opened, busyTimeoutMs);
  const sql = statementsOf(opened.db);

  function push(columns: Record<string, unknown>, version: LetterVersion): void {
    sql.forget.run(now() - TOMBSTONE_MS, TOMBSTONES_AT_ONCE);
    const there = sql.find.get(columns.id) as LetterRow | undefined;
    if (there !== undefined && !isNewer(version, versionOf(there))) return;
    if (there?.removed_at === null) {
      sql.replace.run(columns);
      return;
    }
    // A letter that comes back after its removal is a new arrival.
    if (there !== undefined) sql.delete.run(there.id);
    sql.insert.run(columns);
  }

  function remove(id: string, upTo: LetterVersion | undefined): boolean {
    const there = sql.find.get(id) as LetterRow | undefined;
    if (there === undefined) {
      if (upTo !== undefined) sql.insert.run(tombstone(id, upTo, now()));
      return false;
    }
    if (upTo !== undefined && isNewer(versionOf(there), upTo)) return false;
    const { bornAt, token } = upTo ?? versionOf(there);
    sql.bury.run({ id, born_at: bornAt, token, now: now() });
    return there.removed_at === null;
  }

  return {
    async push(letter) {
      // Before anything is queued, so that a letter that cannot be written down concerns only its caller.
      const columns = columnsOf(letter);
      return connection.write(() => push(columns, letter), letter.event.byteLength);
    },

    async list(query) {
      const limit = pageLimit(query);
      const before = query?.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor);
      if (!Number.isSafeInteger(before)) {
        throw new HooklatchError("invalid_argument", "`cursor` is not one of this queue's.");
      }
      const { where, params } = filterOf(query);
      const page = `SELECT * FROM ${TABLE} WHERE ${where} AND arrival < @before ORDER BY arrival DESC LIMIT @limit`;
      const rows = await connection.read(
        () => sql.query(page).all({ ...params, before, limit: limit + 1 }) as LetterRow[],
      );
      const letters = rows.slice(0, limit).map(letterOf);
      const last = rows[limit - 1];
      return rows.length > limit && last !== undefined
        ? { letters, nextCursor: String(last.arrival) }
        : { letters };
    },

    get: (id) =>
      connection.read(() => {
        const row = sql.find.get(id) as LetterRow | undefined;
        return row === undefined || row.removed_at !== null ? undefined : letterOf(row);
      }),

    remove: (id, upTo) => connection.write(() => remove(id, upTo)),

    async count(query) {
      const { where, params } = filterOf(query);
      const count = `SELECT COUNT(*) AS count FROM ${TABLE} WHERE ${where}`;
      return connection.read(() => (sql.query(count).get(params) as { count: number }).count);
    },

    close: () => connection.close(),
  };
}

function statementsOf(db: SqliteDatabase) {
  const queries = new Map<string, SqliteStatement>();
  return {
    find: prepare(db, `SELECT * FROM ${TABLE} WHERE id = ?`),
    insert: prepare(
      db,
      `INSERT INTO ${TABLE} (id, scope, tenant, key, born_at, token, removed_at, details, event)
        VALUES (@id, @scope, @tenant, @key, @born_at, @token, @removed_at, @details, @event)`,
    ),
    replace: prepare(
      db,
      `UPDATE ${TABLE} SET born_at = @born_at, token = @token, details = @details, event = @event WHERE id = @id`,
    ),
    bury: prepare(
      db,
      `UPDATE ${TABLE} SET born_at = @born_at, token = @token, removed_at = @now, details = NULL, event = NULL
        WHERE id = @id`,
    ),
    delete: prepare(db, `DELETE FROM ${TABLE} WHERE id = ?`),
    forget: prepare(
      db,
      `DELETE FROM ${TABLE} WHERE arrival IN (SELECT arrival FROM ${TABLE} WHERE removed_at <= ? LIMIT ?)`,
    ),
    /** One statement for each combination of filters, so that each can use the index that fits it. */
    query(text: string): SqliteStatement {
      const known = queries.get(text) ?? prepare(db, text);
      queries.set(text, known);
      return known;
    },
  };
}

function filterOf(query: DeadLetterQuery | undefined): { where: string; params: Record<string, string> } {
  const conditions = ["removed_at IS NULL"];
  const params: Record<string, string> = {};
  for (const column of ["scope", "tenant", "key"] as const) {
    const value = query?.[column];
    if (value === undefined) continue;
    conditions.push(`${column} = @${column}`);
    params[column] = value;
  }
  return { where: conditions.join(" AND "), params };
}

function versionOf(row: LetterRow): LetterVersion {
  return { bornAt: row.born_at, token: row.token };
}

function columnsOf(letter: DeadLetter): Record<string, unknown> {
  const {
    id,
    scope,
    tenant = null,
    key,
    bornAt,
    token,
    event,
    error,
    attempts,
    rounds,
    firstFailedAt,
    diedAt,
  } = letter;
  const details: Details = { error, attempts, rounds, firstFailedAt, diedAt };
  return {
    id,
    scope,
    tenant,
    key,
    born_at: bornAt,
    token,
    removed_at: null,
    details: JSON.stringify(details),
    event: blob(event),
  };
}

function tombstone(id: string, { bornAt, token }: LetterVersion, at: number): Record<string, unknown> {
  const nobody = { scope: "", tenant: null, key: "", details: null, event: null };
  return { ...nobody, id, born_at: bornAt, token, removed_at: at };
}

function letterOf(row: LetterRow): DeadLetter {
  const details = JSON.parse(row.details ?? "{}") as Details;
  return { ...idOf(row), id: row.id, ...versionOf(row), event: bytes(row.event), ...details };
}
