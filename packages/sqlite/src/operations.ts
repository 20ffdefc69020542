/** The table of operations: finding and saving one, with the payloads only where they are needed. */
import type { OperationId } from "@hooklatch/core";
import type { Step } from "@hooklatch/core/life";
import { prepare, type SqliteDatabase, type SqliteStatement } from "./database.js";
import {
  blob,
  bytes,
  columnsOf,
  INSERT,
  LIFE,
  type LifeRow,
  type PayloadColumns,
  updateSql,
} from "./operation-row.js";

export const TABLE = "hooklatch_operations";

export type Operations = ReturnType<typeof operationsOf>;

export function operationsOf(db: SqliteDatabase) {
  const find = prepare(db, `SELECT ${LIFE} FROM ${TABLE} WHERE name = ?`);
  const whole = prepare(db, `SELECT ${LIFE}, event, result, result_kept FROM ${TABLE} WHERE name = ?`);
  const event = prepare(db, `SELECT event FROM ${TABLE} WHERE id = ?`);
  const result = prepare(
    db,
    `SELECT result, result_kept FROM ${TABLE} WHERE id = ? AND state = 'completed' AND owner = ? AND token = ?`,
  );
  const remove = prepare(db, `DELETE FROM ${TABLE} WHERE name = ?`);
  const removeDead = prepare(db, `DELETE FROM ${TABLE} WHERE name = ? AND state = 'dead' AND token = ?`);
  const insert = prepare(db, INSERT);
  const updates = new Map<string, SqliteStatement>();

  function updating(withEvent: boolean, withResult: boolean): SqliteStatement {
    const sql = updateSql(withEvent, withResult);
    const known = updates.get(sql) ?? prepare(db, sql);
    updates.set(sql, known);
    return known;
  }

  return {
    find: (name: Buffer) => find.get(name) as LifeRow | undefined,
    /** With its payloads. */
    whole: (name: Buffer) => whole.get(name) as (LifeRow & PayloadColumns) | undefined,
    eventOf: (row: LifeRow) => bytes((event.get(row.id) as PayloadColumns).event),

    /** The result of the completion that was just found; `undefined` if it is gone meanwhile. */
    resultOf(row: LifeRow): Uint8Array | null | undefined {
      const found = result.get(row.id, row.owner, row.token) as PayloadColumns | undefined;
      return found && keptResult(found);
    },

    insert(name: Buffer, id: OperationId, step: Step<unknown>): void {
      if (step.next === undefined) return;
      const { scope, tenant = null, key } = id;
      insert.run({ ...columnsOf(step.next, null), ...payloadsOf(step), name, scope, tenant, key });
    },

    /** `handedTo`: the `claimDue` that hands the operation out by this step. */
    update(row: LifeRow, step: Step<unknown>, handedTo: string | null = row.handed_to): void {
      if (step.next === undefined) return;
      const statement = updating(step.event !== undefined, step.result !== undefined);
      statement.run({ ...columnsOf(step.next, handedTo), ...payloadsOf(step), id: row.id });
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
