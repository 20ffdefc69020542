/** The table of operations: finding and saving one, with the payloads only where they are needed. */
import type { OperationId } from "@hooklatch/core";
import type { Life, Step } from "@hooklatch/core/life";
import { prepare, prepareRaw, type SqliteDatabase, type SqliteStatement } from "./database.js";
import {
  blob,
  bytes,
  type History,
  type HistoryColumns,
  historyIn,
  INSERT,
  LIFE,
  type LifeRow,
  type PayloadColumns,
  rowOf,
  updateSql,
  valuesOf,
} from "./operation-row.js";

export const TABLE = "hooklatch_operations";
const REPLAYS = "hooklatch_replays";

export type WholeRow = LifeRow & PayloadColumns & HistoryColumns & { original: Uint8Array | null };
export type Operations = ReturnType<typeof operationsOf>;

export function operationsOf(db: SqliteDatabase) {
  const find = prepareRaw(db, `SELECT ${LIFE} FROM ${TABLE} WHERE name = ?`);
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
  const insert = prepare(db, INSERT);
  const history = prepare(db, `SELECT replays, edited FROM ${REPLAYS} WHERE operation = ?`);
  const keepHistory = prepare(
    db,
    `INSERT INTO ${REPLAYS} (operation, replays, edited, original) VALUES (@id, @replays, @edited, @original)
      ON CONFLICT (operation) DO UPDATE SET replays = @replays, edited = MAX(edited, @edited),
        original = CASE WHEN @edited = 1 THEN @original ELSE original END`,
  );
  const forgetHistory = prepare(db, `DELETE FROM ${REPLAYS} WHERE operation = ?`);
  const updates = {
    life: prepare(db, updateSql(false, false)),
    event: prepare(db, updateSql(true, false)),
    result: prepare(db, updateSql(false, true)),
    both: prepare(db, updateSql(true, true)),
  };

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

  function updating({ event, result }: Step<unknown>): SqliteStatement {
    if (event === undefined) return result === undefined ? updates.life : updates.result;
    return result === undefined ? updates.event : updates.both;
  }

  return {
    find(name: Buffer): LifeRow | undefined {
      const values = find.get(name) as unknown[] | undefined;
      return values && rowOf(values);
    },
    /** With its payloads and its history: one statement, so that they belong together, whoever writes at the same time. */
    whole: (name: Buffer) => whole.get(name) as WholeRow | undefined,
    eventOf: (row: LifeRow) => bytes((event.get(row.id) as PayloadColumns).event),

    historyOf(row: LifeRow): History {
      // Hardly any operation was ever replayed.
      if (row.replay_id === null) return historyIn(undefined);
      return historyIn(history.get(row.id) as HistoryColumns | undefined);
    },

    /** The result of the completion that was just found; `undefined` if it is gone meanwhile. */
    resultOf(row: LifeRow): Uint8Array | null | undefined {
      const found = result.get(row.id, row.owner, row.token) as PayloadColumns | undefined;
      return found && keptResult(found);
    },

    /** `false`: there is such an operation, and nothing was changed. */
    insert(name: Buffer, id: OperationId, step: Step<unknown>): boolean {
      const { next, event, result, originalEvent } = step;
      if (next === undefined) return true;
      const { scope, tenant = null, key } = id;
      const inserted = insert.run([
        name,
        scope,
        tenant,
        key,
        ...valuesOf(next, null),
        blob(event),
        blob(result),
        result ? 1 : 0,
      ]);
      if (inserted.changes === 0) return false;
      // What was kept of an earlier life went with its row.
      if (next.replays.length > 0) saveHistory(inserted.lastInsertRowid, next, originalEvent);
      return true;
    },

    /** `handedTo`: the `claimDue` that hands the operation out by this step. */
    update(row: LifeRow, step: Step<unknown>, handedTo: string | null = row.handed_to): void {
      const { next, event, result, originalEvent } = step;
      if (next === undefined) return;
      const values = valuesOf(next, handedTo);
      if (event !== undefined) values.push(blob(event));
      if (result !== undefined) values.push(blob(result), result ? 1 : 0);
      values.push(row.id);
      updating(step).run(values);
      saveHistory(row.id, next, originalEvent);
    },

    remove: (name: Buffer) => remove.run(name).changes > 0,
  };
}

/** `null`: completed, result not kept. */
export function keptResult(row: PayloadColumns): Uint8Array | null {
  return row.result_kept === 1 ? bytes(row.result) : null;
}
