/** `claimDue`: which work a poll finds, and how it is handed out. */
import type { ClaimDueRequest, DueWork } from "@hooklatch/core";
import { type Life, noteAt, shareOut, takeDue, takeNote } from "@hooklatch/core/life";
import { prepare, prepareRaw, type SqliteDatabase, type SqliteStatement } from "./database.js";
import { idOf, LIFE, type LifeRow, lifeOf, rowOf } from "./operation-row.js";
import { type Operations, TABLE } from "./operations.js";

export function dueWorkOf(db: SqliteDatabase, operations: Operations) {
  const due = (column: "runnable_at" | "note_at") =>
    prepareRaw(
      db,
      `SELECT ${LIFE}, ${column} FROM ${TABLE} WHERE scope = ? AND ${column} <= ? ORDER BY ${column} LIMIT ?`,
    );
  const any = (column: "runnable_at" | "note_at") =>
    prepare(db, `SELECT 1 FROM ${TABLE} WHERE scope = ? AND ${column} <= ? LIMIT 1`);
  const handed = `FROM ${TABLE} WHERE handed_to = ? OR (note_owner = ? AND note_at IS NOT NULL)`;
  const sql = {
    runs: due("runnable_at"),
    notes: due("note_at"),
    anyRun: any("runnable_at"),
    anyNote: any("note_at"),
    handed: prepareRaw(db, `SELECT ${LIFE} ${handed}`),
    anyHanded: prepare(db, `SELECT 1 ${handed} LIMIT 1`),
  };

  function dueIn(statement: SqliteStatement, scopes: ReadonlySet<string>, at: number, limit: number) {
    const found = [...scopes].flatMap((scope) => statement.all(scope, at, limit) as unknown[][]);
    return found.map((values) => ({ row: rowOf(values), at: values.at(-1) as number }));
  }

  function runWork(row: LifeRow, { token, attempt, recovered, replay, letter }: Life): DueWork {
    const event = operations.eventOf(row);
    const id = idOf(row);
    return { kind: "run", id, token, attempt, recovered, replay, letter: letter !== "none", event };
  }

  /** The same work as the first time. A run gets its full lease from now on. */
  function again(row: LifeRow, r: ClaimDueRequest, at: number): DueWork {
    const found = lifeOf(row);
    if (noteAt(found) !== undefined) return noteWork(row);
    operations.update(row, { answer: undefined, next: { ...found, leaseUntil: at + r.leaseMs } });
    return runWork(row, found);
  }

  return {
    /** Whether there may be work: a read, so that an idle poll takes no lock. */
    any(r: ClaimDueRequest, at: number): boolean {
      if (sql.anyHanded.get(r.owner, r.owner) !== undefined) return true;
      return r.scopes.some(
        (scope) => sql.anyRun.get(scope, at) !== undefined || sql.anyNote.get(scope, at) !== undefined,
      );
    },

    /** To be called inside a transaction. */
    handOut(r: ClaimDueRequest, at: number): DueWork[] {
      const scopes = new Set(r.scopes);
      const mine = (sql.handed.all(r.owner, r.owner) as unknown[][])
        .map(rowOf)
        .filter((row) => scopes.has(row.scope));
      // A resent call: the same work again, and nothing else.
      if (mine.length > 0) return mine.map((row) => again(row, r, at));
      // To SQLite a negative limit is none at all, and a fraction is an error.
      const limit = Math.max(0, Math.floor(r.limit));
      const runs = dueIn(sql.runs, scopes, at, limit);
      const notes = dueIn(sql.notes, scopes, at, limit);
      return shareOut(runs, notes, limit).map(({ row }): DueWork => {
        const found = lifeOf(row);
        if (noteAt(found) !== undefined) {
          const next = takeNote(found, r.owner, r.leaseMs, at);
          operations.update(row, { answer: undefined, next });
          return noteWork(row);
        }
        const next = takeDue(found, r.owner, r.leaseMs, at);
        operations.update(row, { answer: undefined, next }, r.owner);
        return runWork(row, next);
      });
    },
  };
}

function noteWork(row: LifeRow): DueWork {
  const { token, born_at: bornAt } = row;
  const id = idOf(row);
  return row.letter === "push" ? { kind: "push", id, token } : { kind: "remove", id, token, bornAt };
}
