/** Letters that were written before there were facets get theirs. Changed by no later version of the table: that is a step of its own. */
import { type DeadLetter, textOf } from "@hooklatch/core";
import { prepare, type SqliteDatabase } from "./database.js";

/** However many letters there are, few of them are in memory at once. */
const AT_ONCE = 500;

interface OldLetter {
  arrival: number;
  scope: string;
  tenant: string | null;
  key: string;
  details: string;
}

/** In JavaScript, because SQLite folds the case of ASCII letters alone: a letter must be found in the same way, whoever wrote it. */
export function fillFacets(db: SqliteDatabase): void {
  const page = prepare(
    db,
    `SELECT arrival, scope, tenant, key, details FROM hooklatch_letters
      WHERE removed_at IS NULL AND arrival > ? ORDER BY arrival LIMIT ${AT_ONCE}`,
  );
  const fill = prepare(
    db,
    `INSERT INTO hooklatch_letter_facets
      (arrival, scope, tenant, key, first_failed_at, died_at, replays, error_name, error_code, error_text)
      VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
  );
  for (let from = 0; ; ) {
    const letters = page.all(from) as OldLetter[];
    for (const { arrival, scope, tenant, key, details } of letters) {
      const { error, firstFailedAt, diedAt } = JSON.parse(details) as DeadLetter;
      const { name, code = null } = error;
      fill.run(arrival, scope, tenant, key, firstFailedAt, diedAt, name, code, textOf(error));
    }
    const last = letters.at(-1);
    if (last === undefined) return;
    from = last.arrival;
  }
}
