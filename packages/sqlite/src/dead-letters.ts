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
import { openDatabase, type SqliteDatabase } from "./database.js";
import { createConnection } from "./group-commit.js";
import { blob, bytes, idOf } from "./operation-row.js";
import { resolveOptions, type SqliteOptions } from "./options.js";

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
 * A dead-letter queue in a SQLite file. A push is on disk when it resolves. It may share its file with `sqliteStore`.
 *
 * @throws {HooklatchError} as `sqliteStore`
 */
export function sqliteDeadLetters(
  pathOrDatabase: string | SqliteDatabase,
  options: SqliteOptions = {},
): DeadLetterQueue {
  const { busyTimeoutMs, now } = resolveOptions(options, "sqliteDeadLetters");
  const opened = openDatabase(pathOrDatabase, "letters", "sqliteDeadLetters");
  const { db } = opened;
  const connection = createConnection(opened, busyTimeoutMs);

  const filter = `removed_at IS NULL AND (@scope IS NULL OR scope = @scope) AND (@tenant IS NULL OR tenant = @tenant)
    AND (@key IS NULL OR key = @key)`;
  const sql = {
    find: db.prepare("SELECT * FROM hooklatch_letters WHERE id = ?"),
    insert:
      db.prepare(`INSERT INTO hooklatch_letters (id, scope, tenant, key, born_at, token, removed_at, details, event)
      VALUES (@id, @scope, @tenant, @key, @born_at, @token, @removed_at, @details, @event)`),
    replace:
      db.prepare(`UPDATE hooklatch_letters SET born_at = @born_at, token = @token, details = @details, event = @event
      WHERE id = @id`),
    bury: db.prepare(`UPDATE hooklatch_letters SET born_at = @born_at, token = @token, removed_at = @now, details = NULL,
      event = NULL WHERE id = @id`),
    delete: db.prepare("DELETE FROM hooklatch_letters WHERE id = ?"),
    forget: db.prepare(`DELETE FROM hooklatch_letters WHERE arrival IN
      (SELECT arrival FROM hooklatch_letters WHERE removed_at <= ? LIMIT ?)`),
    page: db.prepare(
      `SELECT * FROM hooklatch_letters WHERE ${filter} AND arrival < @before ORDER BY arrival DESC LIMIT @limit`,
    ),
    count: db.prepare(`SELECT COUNT(*) AS count FROM hooklatch_letters WHERE ${filter}`),
  };

  return {
    push: (letter) =>
      connection.write(() => {
        sql.forget.run(now() - TOMBSTONE_MS, TOMBSTONES_AT_ONCE);
        const there = sql.find.get(letter.id) as LetterRow | undefined;
        if (there !== undefined && !isNewer(letter, versionOf(there))) return;
        // A letter that comes back after its removal is a new arrival.
        if (there !== undefined && there.removed_at !== null) sql.delete.run(letter.id);
        const columns = columnsOf(letter);
        if (there !== undefined && there.removed_at === null) sql.replace.run(columns);
        else sql.insert.run(columns);
      }),

    async list(query) {
      const limit = pageLimit(query);
      const before = query?.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor);
      if (!Number.isSafeInteger(before)) {
        throw new HooklatchError("invalid_argument", "`cursor` is not one of this queue's.");
      }
      const rows = await connection.read(
        () => sql.page.all({ ...filterOf(query), before, limit: limit + 1 }) as LetterRow[],
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

    remove: (id, upTo) =>
      connection.write(() => {
        const there = sql.find.get(id) as LetterRow | undefined;
        if (there === undefined) {
          if (upTo !== undefined) sql.insert.run(tombstone(id, upTo, now()));
          return false;
        }
        if (upTo !== undefined && isNewer(versionOf(there), upTo)) return false;
        const { bornAt, token } = upTo ?? versionOf(there);
        sql.bury.run({ id, born_at: bornAt, token, now: now() });
        return there.removed_at === null;
      }),

    count: (query) => connection.read(() => (sql.count.get(filterOf(query)) as { count: number }).count),

    close: () => connection.close(),
  };
}

function filterOf(query: DeadLetterQuery | undefined): Record<string, string | null> {
  return { scope: query?.scope ?? null, tenant: query?.tenant ?? null, key: query?.key ?? null };
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
