/** The table of operations: finding and saving one, with the payloads only where they are needed. */
import type { OperationId } from "@hooklatch/core";
import type { Life, Step } from "@hooklatch/core/life";
import { prepare, type SqliteDatabase, type SqliteStatement } from "./database.js";
import {
  blob,
  bytes,
  columnsOf,
  type History,
  type HistoryColumns,
  historyIn,
  INSERT,
  LIFE,
  type LifeRow,
  type PayloadColumns,
  updateSql,
} from "./operation-row.js";

export const TABLE = "hooklatch_operations";
const REPLAYS = "hooklatch_replays";

export type WholeRow = LifeRow & PayloadColumns & HistoryColumns & { original: Uint8Array | null };
export type Operations = ReturnType<typeof operationsOf>;

export function operationsOf(db: SqliteDatabase) {
  const find = prepare(db, `SELECT ${LIFE} FROM ${TABLE} WHERE name = ?`);
  const whole = prepare(
    db,
    `SELECT ${LIFE}, event, result, result_kept, replays, edited, original
      FROM ${TABLE} LEFT JOIN ${REPLAYS} ON operation = id WHERE name = ?`,
  );
  const event = prepare(db, `SELECT event FROM ${TABLE} WHERE id = ?`);
  const result = prepare(
    db,
    `SELECT result, result_kept FROM ${TABLE} WHERE id = ? AND state = 'completed' AND owner = ? AND token = ?`,
  );
  const remove = prepare(db, `DELETE FROM ${TABLE} WHERE name = ?`);
  const removeDead = prepare(db, `DELETE FROM ${TABLE} WHERE name = ? AND state = 'dead' AND token = ?`);
  const insert = prepare(db, INSERT);
  const history = prepare(db, `SELECT replays, edited FROM ${REPLAYS} WHERE operation = ?`);
  const keepHistory = prepare(
    db,
    `INSERT INTO ${REPLAYS} (operation, replays, edited, original) VALUES (@id, @replays, @edited, @original)
      ON CONFLICT (operation) DO UPDATE SET replays = @replays, edited = MAX(edited, @edited),
        original = CASE WHEN @edited = 1 THEN @original ELSE original END`,
  );
  const forgetHistory = prepare(db, `DELETE FROM ${REPLAYS} WHERE operation = ?`);
  const updates = new Map<string, SqliteStatement>();

  function saveHistory(
    id: number | bigint,
    { replays }: Life,
    original: Uint8Array | null | undefined,
  ): void {
    // A life of its own, which knows nothing of what came before.
    if (original === null) forgetHistory.run(id);
    if (replays.length === 0) return;
    const edited = original ? 1 : 0;
    keepHistory.run({ id, replays: JSON.stringify(replays), edited, original: blob(original) });
  }

  function updating(withEvent: boolean, withResult: boolean): SqliteStatement {
    const sql = updateSql(withEvent, withResult);
    const known = updates.get(sql) ?? prepare(db, sql);
    updates.set(sql, known);
    return known;
  }

  return {
    find: (name: Buffer) => find.get(name) as LifeRow | undefined,
    /** With its payloads and its history: one statement, so that they belong together, whoever writes at the same time. */
    whole: (name: Buffer) => whole.get(name) as WholeRow | undefined,
    eventOf: (row: LifeRow) => bytes((event.get(row.id) as PayloadColumns).event),

    historyOf(row: LifeRow): History {
      return historyIn(history.get(row.id) as HistoryColumns | undefined);
    },

    /** The result of the completion that was just found; `undefined` if it is gone meanwhile. */
    resultOf(row: LifeRow): Uint8Array | null | undefined {
      const found = result.get(row.id, row.owner, row.token) as PayloadColumns | undefined;
      return found && keptResult(found);
    },

    insert(name: Buffer, id: OperationId, step: Step<unknown>): void {
      if (step.next === undefined) return;
      const { scope, tenant = null, key } = id;
      const columns = { ...columnsOf(step.next, null), ...payloadsOf(step), name, scope, tenant, key };
      saveHistory(insert.run(columns).lastInsertRowid, step.next, step.originalEvent);
    },

    /** `handedTo`: the `claimDue` that hands the operation out by this step. */
    update(row: LifeRow, step: Step<unknown>, handedTo: string | null = row.handed_to): void {
      if (step.next === undefined) return;
      const statement = updating(step.event !== undefined, step.result !== undefined);
      statement.run({ ...columnsOf(step.next, handedTo), ...payloadsOf(step), id: row.id });
      saveHistory(row.id, step.next, step.originalEvent);
    },

    remove: (name: Buffer, onlyDeadToken: number | undefined) =>
      (onlyDeadToken === undefined ? remove.run(name) : removeDead.run(name, onlyDeadToken)).changes > 0,
  };
}

function payloadsOf({ event, result }: Step<unknown>): Record<string, unknown> {
  return { event: blob(event), result: blob(result), result_kept: result ? 1 : 0 };
}

/** `null`: completed, result not kept. */
export function keptResult(row: PayloadColumns): Uint8Array | null {
  return row.result_kept === 1 ? bytes(row.result) : null;
}
