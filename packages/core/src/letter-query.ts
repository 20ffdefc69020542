/** What a queue does with a `DeadLetterQuery` before it answers it: the same checks, and the same defaults, in every queue. */
import type { DeadLetterQuery } from "./dead-letter.js";
import { HooklatchError } from "./errors.js";

/**
 * Checks everything in a query but its cursor, which only its queue can read.
 * @throws {HooklatchError} `invalid_argument`
 */
export function checkQuery(query: DeadLetterQuery | undefined): void {
  pageLimit(query);
  for (const bound of ["arrivedFrom", "arrivedBefore"] as const) {
    const at = query?.[bound];
    if (at !== undefined && !(Number.isFinite(at) && at >= 0)) {
      throw new HooklatchError("invalid_argument", `\`${bound}\` must be ms since the epoch, 0 or more.`);
    }
  }
}

/**
 * The most letters that one answer holds. Default: 100.
 * @throws {HooklatchError} `invalid_argument`
 */
export function pageLimit(query: Pick<DeadLetterQuery, "limit"> | undefined): number {
  const limit = query?.limit ?? 100;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new HooklatchError("invalid_argument", "`limit` must be a whole number from 1 to 1000.");
  }
  return limit;
}
