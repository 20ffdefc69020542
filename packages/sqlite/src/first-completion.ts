/** How nearly every operation ends: the first attempt of its first claim went well. One statement, which reads nothing first. */
import type { CompleteRequest } from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import { prepare, type SqliteDatabase } from "./database.js";
import { attemptsText, blob, whole } from "./operation-row.js";

/**
 * What `life.complete` looks at, beside owner and token, is written out in the statement: where it finds a row, the life in it is the
 * one that the decision was about. What the decision changes is set; what it leaves is not named.
 */
const COMPLETE = `UPDATE hooklatch_operations
  SET state = 'completed', stored = 0, attempts = ?, changed_at = ?, expires_at = ?, lease_until = NULL, runnable_at = NULL,
    note_at = NULL, handed_to = NULL, event = NULL, result = ?, result_kept = ?
  WHERE name = ? AND owner = ? AND token = ? AND state = 'running' AND letter = 'none' AND round = 1 AND attempts = '[]'`;

/** The life that the statement asks for, in what `life.complete` looks at. */
export function firstRun({ owner, token }: Pick<life.Life, "owner" | "token">): life.Life {
  return { ...life.born({ owner, leaseMs: 0, event: NO_BYTES }, 0), token };
}

const NO_BYTES = new Uint8Array(0);

/** `false`: it is none of these, and nothing was changed. To be called inside a transaction. */
export function firstCompletionOf(
  db: SqliteDatabase,
): (name: Buffer, r: CompleteRequest, at: number) => boolean {
  const statement = prepare(db, COMPLETE);
  return (name, r, at) => {
    const { next } = life.complete(firstRun(r), r, at);
    if (next === undefined) return false;
    const { changes } = statement.run(
      attemptsText(next),
      next.changedAt,
      whole(next.expiresAt),
      blob(r.result),
      r.result ? 1 : 0,
      name,
      r.owner,
      r.token,
    );
    return changes === 1;
  };
}
