/** `sqliteStore`: the transitions of `@hooklatch/core/life` inside SQLite transactions. */
import {
  type Claim,
  type ClaimDueRequest,
  type ClaimRequest,
  type DueWork,
  HooklatchError,
  type IdempotencyStore,
  type OperationId,
  type OperationRecord,
  type StoreStats,
  storageKey,
} from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import { openDatabase, type SqliteDatabase, type SqliteStatement } from "./database.js";
import { createConnection } from "./group-commit.js";
import {
  blob,
  bytes,
  columnsOf,
  INSERT,
  idOf,
  LIFE,
  type LifeRow,
  lifeOf,
  type PayloadColumns,
  updateSql,
} from "./operation-row.js";
import { resolveOptions, type SqliteOptions } from "./options.js";

const TABLE = "hooklatch_operations";

/**
 * A store in a SQLite file, for one host and any number of its processes. What it confirmed survives the process, the operating system and
 * a power loss, on a local disk that keeps what it synced.
 *
 * @param pathOrDatabase a path, opened and closed here; or a better-sqlite3 database of your own, set to WAL and `synchronous=FULL`,
 *   which stays yours to close. `":memory:"` works, and survives nothing.
 * @throws {HooklatchError} `invalid_option`, `store_not_durable`, `store_version_unsupported`, `store_unavailable`, `schema_newer`
 *
 * @example const store = sqliteStore("events.db");
 */
export function sqliteStore(
  pathOrDatabase: string | SqliteDatabase,
  options: SqliteOptions = {},
): IdempotencyStore {
  const { busyTimeoutMs, now } = resolveOptions(options, "sqliteStore");
  const opened = openDatabase(pathOrDatabase, "operations", "sqliteStore");
  const { db } = opened;
  const connection = createConnection(opened, busyTimeoutMs);
  const sql = prepare(db);
  let purgedUpTo = 0;

  function find(id: OperationId): LifeRow | undefined {
    return sql.find.get(nameOf(id)) as LifeRow | undefined;
  }

  function save<T>(
    id: OperationId,
    row: LifeRow | undefined,
    step: life.Step<T>,
    handedTo = row?.handed_to ?? null,
  ): void {
    if (step.next === undefined) return;
    const columns = columnsOf(step.next, handedTo);
    const event = step.event === undefined ? {} : { event: blob(step.event) };
    const result =
      step.result === undefined
        ? {}
        : { result: blob(step.result), result_kept: step.result === null ? 0 : 1 };
    if (row === undefined) {
      const { scope, tenant = null, key } = id;
      const empty = { event: null, result: null, result_kept: 0 };
      sql.insert.run({ ...columns, ...empty, ...event, ...result, name: nameOf(id), scope, tenant, key });
    } else {
      sql
        .update(step.event !== undefined, step.result !== undefined)
        .run({ ...columns, ...event, ...result, id: row.id });
    }
  }

  /** One transition: read, decide, write, in one transaction. */
  function change<T>(
    id: OperationId,
    transition: (found: life.Life | undefined, now: number) => life.Step<T>,
  ): Promise<T> {
    return connection.write(() => {
      const row = find(id);
      const step = transition(row && lifeOf(row), now());
      save(id, row, step);
      return step.answer;
    });
  }

  /** The result of the completion that was just found; `undefined` if it is gone meanwhile. */
  function resultOf(row: LifeRow): Uint8Array | null | undefined {
    const found = sql.result.get(row.id, row.owner, row.token) as PayloadColumns | undefined;
    if (found === undefined) return undefined;
    return found.result_kept === 1 ? bytes(found.result) : null;
  }

  /** What can be answered without a write is answered by a read: a duplicate takes no lock and no `fsync`. */
  function answerFromRead(r: ClaimRequest): Claim | undefined {
    const row = find(r.id);
    const step = life.claim(row && lifeOf(row), r, now());
    if (step.next !== undefined || row === undefined) return undefined;
    if (step.answer.status !== "completed") return step.answer;
    const result = resultOf(row);
    return result === undefined ? undefined : { status: "completed", result };
  }

  function handOut(r: ClaimDueRequest): DueWork[] {
    const at = now();
    const mine = sql.handedTo.all(r.owner, r.owner) as LifeRow[];
    // A resent call: the same work again, and nothing else.
    if (mine.length > 0) return mine.map((row) => again(row, r, at));
    const due = (column: "runnable" | "note") =>
      r.scopes.flatMap((scope) => sql[column].all(scope, at, r.limit) as (LifeRow & { at: number })[]);
    return life.shareOut(due("runnable"), due("note"), r.limit).map((row) => {
      const found = lifeOf(row);
      if (life.noteAt(found) !== undefined) {
        save(idOf(row), row, { answer: undefined, next: life.takeNote(found, r.owner, r.leaseMs, at) });
        return noteWork(row);
      }
      const next = life.takeDue(found, r.owner, r.leaseMs, at);
      save(idOf(row), row, { answer: undefined, next }, r.owner);
      return runWork(row, next);
    });
  }

  function again(row: LifeRow, r: ClaimDueRequest, at: number): DueWork {
    const found = lifeOf(row);
    if (life.noteAt(found) !== undefined) return noteWork(row);
    save(idOf(row), row, { answer: undefined, next: { ...found, leaseUntil: at + r.leaseMs } });
    return runWork(row, found);
  }

  function runWork(row: LifeRow, { token, attempt, recovered, replay, letter }: life.Life): DueWork {
    const { event } = sql.event.get(row.id) as PayloadColumns;
    const id = idOf(row);
    return {
      kind: "run",
      id,
      token,
      attempt,
      recovered,
      replay,
      letter: letter !== "none",
      event: bytes(event),
    };
  }

  return {
    survives: db.memory ? "process" : "disk",

    async claim(r) {
      const known = await connection.read(() => answerFromRead(r));
      if (known !== undefined) return known;
      return connection.write((): Claim => {
        const row = find(r.id);
        const step = life.claim(row && lifeOf(row), r, now());
        save(r.id, row, step);
        if (step.answer.status !== "completed") return step.answer;
        return { status: "completed", result: (row && resultOf(row)) ?? null };
      });
    },
    extend: (r) => change(r.id, (found, at) => life.extend(found, r, at)),
    complete: (r) => change(r.id, (found, at) => life.complete(found, r, at)),
    retry: (r) => change(r.id, (found, at) => life.retry(found, r, at)),
    fail: (r) => change(r.id, (found, at) => life.fail(found, r, at)),
    settle: (r) => change(r.id, (found) => life.settle(found, r)),
    release: (r) => change(r.id, (found, at) => life.release(found, r, at)),
    schedule: (r) => change(r.id, (found, at) => life.schedule(found, r, at)),

    async claimDue(r) {
      if (r.limit <= 0) return [];
      // An idle poll takes no lock.
      const any = await connection.read(() => {
        if (sql.anyHandedTo.get(r.owner, r.owner) !== undefined) return true;
        const at = now();
        return r.scopes.some(
          (s) => sql.anyRunnable.get(s, at) !== undefined || sql.anyNote.get(s, at) !== undefined,
        );
      });
      return any ? connection.write(() => handOut(r)) : [];
    },

    get: (id) =>
      connection.read((): OperationRecord | undefined => {
        const row = sql.whole.get(nameOf(id)) as (LifeRow & PayloadColumns) | undefined;
        if (row === undefined) return undefined;
        const found = lifeOf(row);
        if (life.isExpired(found, now())) return undefined;
        return {
          ...life.recordOf(idOf(row), found),
          ...(found.stored ? { event: bytes(row.event) } : {}),
          ...(found.state === "completed"
            ? { result: row.result_kept === 1 ? bytes(row.result) : null }
            : {}),
        };
      }),

    delete: (id, onlyDeadToken) =>
      connection.write(() => {
        const name = nameOf(id);
        const { changes } =
          onlyDeadToken === undefined ? sql.delete.run(name) : sql.deleteDead.run(name, onlyDeadToken);
        return changes > 0;
      }),

    stats: (scope) =>
      connection.read(() => {
        const stats: StoreStats = {
          running: 0,
          waiting: 0,
          completed: 0,
          dead: 0,
          released: 0,
          unsettled: 0,
        };
        const rows = sql.stats.all({ scope: scope ?? null, now: now() }) as StatsRow[];
        for (const { state, count, unsettled, oldest } of rows) {
          stats[state] = count;
          stats.unsettled += unsettled;
          if (state === "waiting" && oldest !== null) stats.oldestWaitingAt = oldest;
        }
        return stats;
      }),

    async purge({ limit }) {
      if (!Number.isInteger(limit) || limit < 1) {
        throw new HooklatchError("invalid_argument", "`limit` must be a whole number from 1.");
      }
      // Goes on where the last call stopped, oldest first, so that each call costs the same however much is kept.
      const window = await connection.read(() => sql.window.all(purgedUpTo, limit * 10) as LifeRow[]);
      const at = now();
      const expired = window.filter((row) => life.isExpired(lifeOf(row), at)).slice(0, limit);
      const full = window.length === limit * 10 || expired.length === limit;
      purgedUpTo = full ? ((expired.length === limit ? expired : window).at(-1)?.id ?? 0) : 0;
      if (expired.length === 0) return 0;
      return connection.write(() => {
        let purged = 0;
        // Only if nobody has claimed it anew meanwhile.
        for (const row of expired)
          purged += sql.purge.run(row.id, row.born_at, row.changed_at, row.token).changes;
        return purged;
      });
    },

    close: () => connection.close(),
  };
}

interface StatsRow {
  state: OperationRecord["state"];
  count: number;
  unsettled: number;
  oldest: number | null;
}

function nameOf(id: OperationId): Buffer {
  return Buffer.from(storageKey(id), "hex");
}

function noteWork(row: LifeRow): DueWork {
  const { token, born_at: bornAt } = row;
  const id = idOf(row);
  return row.letter === "push" ? { kind: "push", id, token } : { kind: "remove", id, token, bornAt };
}

function prepare(db: SqliteDatabase) {
  const updates = new Map<string, SqliteStatement>();
  const due = (column: string) =>
    db.prepare(
      `SELECT ${LIFE}, ${column} AS at FROM ${TABLE} WHERE scope = ? AND ${column} <= ? ORDER BY ${column} LIMIT ?`,
    );
  const any = (column: string) =>
    db.prepare(`SELECT 1 FROM ${TABLE} WHERE scope = ? AND ${column} <= ? LIMIT 1`);
  const handed = "FROM hooklatch_operations WHERE handed_to = ? OR (note_owner = ? AND note_at IS NOT NULL)";
  return {
    find: db.prepare(`SELECT ${LIFE} FROM ${TABLE} WHERE name = ?`),
    whole: db.prepare(`SELECT ${LIFE}, event, result, result_kept FROM ${TABLE} WHERE name = ?`),
    event: db.prepare(`SELECT event FROM ${TABLE} WHERE id = ?`),
    result: db.prepare(
      `SELECT result, result_kept FROM ${TABLE} WHERE id = ? AND state = 'completed' AND owner = ? AND token = ?`,
    ),
    insert: db.prepare(INSERT),
    update(event: boolean, result: boolean): SqliteStatement {
      const statement = updateSql(event, result);
      const known = updates.get(statement) ?? db.prepare(statement);
      updates.set(statement, known);
      return known;
    },
    runnable: due("runnable_at"),
    note: due("note_at"),
    anyRunnable: any("runnable_at"),
    anyNote: any("note_at"),
    handedTo: db.prepare(`SELECT ${LIFE} ${handed}`),
    anyHandedTo: db.prepare(`SELECT 1 ${handed} LIMIT 1`),
    delete: db.prepare(`DELETE FROM ${TABLE} WHERE name = ?`),
    deleteDead: db.prepare(`DELETE FROM ${TABLE} WHERE name = ? AND state = 'dead' AND token = ?`),
    window: db.prepare(`SELECT ${LIFE} FROM ${TABLE} WHERE id > ? ORDER BY id LIMIT ?`),
    purge: db.prepare(`DELETE FROM ${TABLE} WHERE id = ? AND born_at = ? AND changed_at = ? AND token = ?`),
    stats:
      db.prepare(`SELECT state, COUNT(*) AS count, COUNT(note_at) AS unsettled, MIN(due_at) AS oldest FROM ${TABLE}
      WHERE (@scope IS NULL OR scope = @scope)
      AND NOT (state IN ('completed', 'released') AND letter <> 'remove' AND expires_at <= @now)
      GROUP BY state`),
  };
}
