/** What a queue does with a `DeadLetterQuery` before it answers it: the same checks, and the same defaults, in every queue. */
import type { DeadLetterQuery } from "./dead-letter.js";
import { type ErrorRecord, HooklatchError } from "./errors.js";

const TIMES = [
  "arrivedFrom",
  "arrivedBefore",
  "firstFailedFrom",
  "firstFailedBefore",
  "diedFrom",
  "diedBefore",
] as const;
const COUNTS = ["minReplays", "maxReplays"] as const;
const MAX_TEXT = 200;

/**
 * Checks everything in a query but its cursor, which only its queue can read.
 * @throws {HooklatchError} `invalid_argument`
 */
export function checkQuery(query: DeadLetterQuery | undefined): void {
  pageLimit(query);
  for (const bound of TIMES) {
    const at = query?.[bound];
    if (at !== undefined && !(Number.isFinite(at) && at >= 0)) {
      throw new HooklatchError("invalid_argument", `\`${bound}\` must be ms since the epoch, 0 or more.`);
    }
  }
  for (const bound of COUNTS) {
    const replays = query?.[bound];
    if (replays !== undefined && !(Number.isInteger(replays) && replays >= 0)) {
      throw new HooklatchError("invalid_argument", `\`${bound}\` must be a whole number, 0 or more.`);
    }
  }
  const text = query?.errorText;
  if (text !== undefined && !(typeof text === "string" && text !== "" && text.length <= MAX_TEXT)) {
    throw new HooklatchError("invalid_argument", `\`errorText\` must be 1 to ${MAX_TEXT} characters.`);
  }
}

/** What `errorText` is looked for in, so that every queue finds the same: the folded name, code and message of an error, a line each. */
export function textOf({ name, code = "", message }: ErrorRecord): string {
  return foldText(`${name}\n${code}\n${message}`);
}

/** Text without its case, for both sides of a search. */
export function foldText(text: string): string {
  return text.normalize("NFC").toLowerCase();
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
