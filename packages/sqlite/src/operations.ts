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

/** The name under which an operation is kept, and its identity, which a new row needs. */
export interface Named {
  name: Buffer;
  id: OperationId;
}

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

  function update(withEvent: boolean, withResult: boolean): SqliteStatement {
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

    /** Writes what a step changes. `handedTo`: the `claimDue` that hands the operation out by it. */
    save<T>(
      { name, id }: Named,
      row: LifeRow | undefined,
      step: Step<T>,
      handedTo = row?.handed_to ?? null,
    ): void {
      if (step.next === undefined) return;
      const columns = {
        ...columnsOf(step.next, handedTo),
        event: blob(step.event),
        result: blob(step.result),
        result_kept: step.result ? 1 : 0,
      };
      if (row === undefined) {
        const { scope, tenant = null, key } = id;
        insert.run({ ...columns, name, scope, tenant, key });
      } else {
        update(step.event !== undefined, step.result !== undefined).run({ ...columns, id: row.id });
      }
    },

    remove: (name: Buffer, onlyDeadToken: number | undefined) =>
      (onlyDeadToken === undefined ? remove.run(name) : removeDead.run(name, onlyDeadToken)).changes > 0,
  };
}

/** `null`: completed, result not kept. */
export function keptResult(row: PayloadColumns): Uint8Array | null {
  return row.result_kept === 1 ? bytes(row.result) : null;
}
