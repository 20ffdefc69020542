/**
 * What a letter is found by beside scope, error and time of arrival, in a row of its own: letter after letter can be looked at without
 * reading their events. The longest column comes last, for it is not read either where nobody asks for it.
 */
import { type DeadLetter, textOf } from "@hooklatch/core";

export const FACETS = "hooklatch_letter_facets";

const COLUMNS = [
  "scope",
  "tenant",
  "key",
  "first_failed_at",
  "died_at",
  "replays",
  "error_name",
  "error_code",
  "error_text",
] as const;

/** A newer version of a letter has the same place, and nothing of the older one. */
export const KEEP_FACETS = `INSERT OR REPLACE INTO ${FACETS} (arrival, ${COLUMNS.join(", ")})
  VALUES (@arrival, ${COLUMNS.map((column) => `@${column}`).join(", ")})`;

export function facetsOf(letter: DeadLetter): Record<(typeof COLUMNS)[number], unknown> {
  const { scope, tenant = null, key, firstFailedAt, diedAt, replays = [], error } = letter;
  return {
    scope,
    tenant,
    key,
    first_failed_at: firstFailedAt,
    died_at: diedAt,
    replays: replays.length,
    error_name: error.name,
    error_code: error.code ?? null,
    error_text: textOf(error),
  };
}
