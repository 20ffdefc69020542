/** `sqliteDeadLetters`: dead letters in a table of the same file, or of another one. */
import {
  checkQuery,
  type DeadLetterQueue,
  HooklatchError,
  isNewer,
  type LetterVersion,
  pageLimit,
} from "@hooklatch/core";
import { prepare, type SqliteDatabase, type SqliteStatement } from "./database.js";
import { createConnection } from "./group-commit.js";
import { facetsOf, KEEP_FACETS } from "./letter-facets.js";
import { countOf, expiredOf, pageOf, type Question } from "./letter-finding.js";
import {
  CONTENT,
  columnsOf,
  HEAD,
  LETTER,
  type LetterHead,
  type LetterRow,
  letterOf,
  TABLE,
  versionOf,
} from "./letter-row.js";
import { openDatabase } from "./open.js";
import { resolveQueueOptions, type SqliteDeadLettersOptions } from "./options.js";

/** How long a removed letter keeps out a push that is still on its way. */
const TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000;
const TOMBSTONES_AT_ONCE = 20;
const KEPT_QUERIES = 200;

type Columns = Record<string, unknown>;

/**
 * A dead-letter queue in a SQLite file. A push is on disk when it resolves. It may share its file, or its database, with `sqliteStore`.
 * Letters stay until they are removed; with `retentionMs` or `maxLetters` a worker discards those that are over it. Of a removed one, id
 * and version stay for 7 days, to keep out a push that comes late.
 *
 * Waits for locks and rejects as `sqliteStore` does.
 *
 * @param pathOrDatabase as for `sqliteStore`
 * @throws {HooklatchError} as `sqliteStore`
 *
 * @example const deadLetters = sqliteDeadLetters("events.db", { retentionMs: 30 * 24 * 60 * 60 * 1000 });
 */
export function sqliteDeadLetters(
  pathOrDatabase: string | SqliteDatabase,
  options: SqliteDeadLettersOptions = {},
): DeadLetterQueue {
  const { busyTimeoutMs, now, retentionMs, maxLetters } = resolveQueueOptions(options);
  const opened = openDatabase(pathOrDatabase, "letters", "sqliteDeadLetters");
  const connection = createConnection(opened, busyTimeoutMs);
  const sql = statementsOf(opened.db);

  function push(
    columns: Columns,
    facets: Columns,
    version: LetterVersion,
    as: "import" | "restore" | undefined,
  ): LetterVersion | undefined {
    const at = now();
    sql.forget.run(at - TOMBSTONE_MS, TOMBSTONES_AT_ONCE);
    const there = sql.find.get(columns.id) as LetterHead | undefined;
    const known = as === "restore" && there?.removed_at !== null ? undefined : there && versionOf(there);
    const stays = there?.removed_at === null && as !== undefined;
    if (known !== undefined && (stays || !isNewer(version, known)))
      return isNewer(known, version) ? known : undefined;
    if (there?.removed_at === null) {
      sql.replace.run(columns);
      sql.keepFacets.run({ ...facets, arrival: there.arrival });
      return undefined;
    }
    // A letter that comes back after its removal is a new arrival.
    if (there !== undefined) sql.delete.run(columns.id);
    const { lastInsertRowid: arrival } = sql.insert.run({ ...columns, now: at });
    sql.keepFacets.run({ ...facets, arrival });
    return undefined;
  }

  function remove(id: string, upTo: LetterVersion | undefined): boolean {
    const there = sql.find.get(id) as LetterHead | undefined;
    if (there === undefined) {
      if (upTo !== undefined) sql.tombstone.run({ id, born_at: upTo.bornAt, token: upTo.token, now: now() });
      return false;
    }
    if (upTo !== undefined && isNewer(versionOf(there), upTo)) return false;
    const { bornAt, token } = upTo ?? versionOf(there);
    sql.bury.run({ id, born_at: bornAt, token, now: now() });
    return there.removed_at === null;
  }

  function ask<Row>({ sql: text, params }: Question): Promise<Row[]> {
    return connection.read(() => sql.query(text).all(params) as Row[]);
  }

  return {
    async push(letter, { as } = {}) {
      // Before anything is queued, so that a letter that cannot be written down concerns only its caller.
      const [columns, facets] = [columnsOf(letter), facetsOf(letter)];
      const size = letter.event.byteLength + (letter.originalEvent?.byteLength ?? 0);
      return connection.write(() => push(columns, facets, letter, as), size);
    },

    async list(query) {
      checkQuery(query);
      const limit = pageLimit(query);
      const before = query?.cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(query.cursor);
      if (!Number.isSafeInteger(before)) {
        throw new HooklatchError("invalid_argument", "`cursor` is not one of this queue's.");
      }
      const rows = await ask<LetterRow>(pageOf(query, before, limit));
      const letters = rows.slice(0, limit).map(letterOf);
      const last = rows[limit - 1];
      return rows.length > limit && last !== undefined
        ? { letters, nextCursor: String(last.arrival) }
        : { letters };
    },

    get: (id) =>
      connection.read(() => {
        const row = sql.whole.get(id) as LetterRow | undefined;
        return row && letterOf(row);
      }),

    remove: (id, upTo) => connection.write(() => remove(id, upTo)),

    async count(query) {
      checkQuery(query);
      const [row] = await ask<{ count: number }>(countOf(query));
      return row?.count ?? 0;
    },

    async expired({ scope, limit }) {
      connection.assertOpen();
      const most = pageLimit({ limit });
      if (retentionMs === undefined && maxLetters === undefined) return [];
      const until = retentionMs === undefined ? undefined : now() - retentionMs;
      const { sql: text, params } = expiredOf(scope, until, maxLetters);
      const rows = await ask<{ id: string }>({ sql: text, params: { ...params, limit: most } });
      return rows.map(({ id }) => id);
    },

    close: () => connection.close(),
  };
}

function statementsOf(db: SqliteDatabase) {
  const queries = new Map<string, SqliteStatement>();
  return {
    find: prepare(db, `SELECT ${HEAD} FROM ${TABLE} WHERE id = ?`),
    whole: prepare(db, `SELECT ${LETTER} FROM ${TABLE} WHERE id = ? AND removed_at IS NULL`),
    // A clock that steps back does not bring the times of arrival out of order.
    insert: prepare(
      db,
      `INSERT INTO ${TABLE} (id, scope, tenant, key, born_at, token, arrived_at, ${CONTENT.join(", ")})
        VALUES (@id, @scope, @tenant, @key, @born_at, @token,
          MAX(@now, COALESCE((SELECT MAX(arrived_at) FROM ${TABLE} WHERE removed_at IS NULL), @now)),
          ${CONTENT.map((column) => `@${column}`).join(", ")})`,
    ),
    tombstone: prepare(
      db,
      `INSERT INTO ${TABLE} (id, scope, key, born_at, token, removed_at) VALUES (@id, '', '', @born_at, @token, @now)`,
    ),
    replace: prepare(
      db,
      `UPDATE ${TABLE} SET born_at = @born_at, token = @token, ${CONTENT.map((column) => `${column} = @${column}`).join(", ")}
        WHERE id = @id`,
    ),
    bury: prepare(
      db,
      `UPDATE ${TABLE} SET born_at = @born_at, token = @token, removed_at = @now, arrived_at = NULL,
        ${CONTENT.map((column) => `${column} = NULL`).join(", ")} WHERE id = @id`,
    ),
    keepFacets: prepare(db, KEEP_FACETS),
    delete: prepare(db, `DELETE FROM ${TABLE} WHERE id = ?`),
    forget: prepare(
      db,
      `DELETE FROM ${TABLE} WHERE arrival IN (SELECT arrival FROM ${TABLE} WHERE removed_at <= ? LIMIT ?)`,
    ),
    /** One statement for each combination of filters, so that each can use the index that fits it. */
    query(text: string): SqliteStatement {
      const known = queries.get(text) ?? prepare(db, text);
      // Of the thousands of combinations people use a few; somebody who asks for all of them must not fill the memory.
      if (queries.size >= KEPT_QUERIES) queries.clear();
      queries.set(text, known);
      return known;
    },
  };
}
