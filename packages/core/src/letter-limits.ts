/** How many letters a queue is to keep, and for how long: options that every queue of Hooklatch takes. */
import { HooklatchError } from "./errors.js";

/**
 * Limits of a dead-letter queue. What is over one is not removed by the queue: a worker of the letter's scope discards it, together with
 * its operation.
 */
export interface DeadLetterLimits {
  /** How long a letter is kept after it arrived, in ms, by the queue's clock. Default: until it is removed. */
  retentionMs?: number | undefined;
  /** The most letters kept for each scope, so that a noisy scope pushes out nobody else's; the oldest go first. Default: no limit. */
  maxLetters?: number | undefined;
}

/**
 * Checks the limits that a queue was given. `what`: the function that was called, for the message.
 * @throws {HooklatchError} `invalid_option`
 */
export function checkLimits({ retentionMs, maxLetters }: DeadLetterLimits, what: string): void {
  if (retentionMs !== undefined && !(Number.isFinite(retentionMs) && retentionMs > 0)) {
    throw wrong(what, "retentionMs", "pass ms, more than 0");
  }
  if (maxLetters !== undefined && !(Number.isInteger(maxLetters) && maxLetters >= 1)) {
    throw wrong(what, "maxLetters", "pass a whole number, 1 or more");
  }
}

function wrong(what: string, option: string, fix: string): HooklatchError {
  return new HooklatchError("invalid_option", `${what}: option \`${option}\` is wrong: ${fix}.`);
}
