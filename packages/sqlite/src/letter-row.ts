/** A dead letter as a row of `hooklatch_letters`, and back. */
import type { DeadLetter, LetterVersion } from "@hooklatch/core";
import { blob, bytes, idOf } from "./operation-row.js";

export const TABLE = "hooklatch_letters";

/** What tells whether a push or a removal changes anything. `removed_at`: only its version is left of the letter. */
export interface LetterHead {
  arrival: number;
  born_at: number;
  token: number;
  removed_at: number | null;
}
export const HEAD = "arrival, born_at, token, removed_at";

export interface LetterRow {
  arrival: number;
  id: string;
  scope: string;
  tenant: string | null;
  key: string;
  born_at: number;
  token: number;
  arrived_at: number;
  details: string;
  event: Uint8Array | null;
  original: Uint8Array | null;
}
export const LETTER = "arrival, id, scope, tenant, key, born_at, token, arrived_at, details, event, original";

/** What goes when the letter is removed, and is written anew with each version of it. */
export const CONTENT = ["error_name", "error_code", "details", "event", "original"] as const;

/** What of a letter is not a column of its own. `error` is, in part, to be found by. */
type Details = Pick<DeadLetter, "error" | "attempts" | "rounds" | "replays" | "firstFailedAt" | "diedAt"> & {
  /** Whether there is an original event: one without a byte is NULL in its column. */
  edited?: true;
};

export function versionOf(row: Pick<LetterHead, "born_at" | "token">): LetterVersion {
  return { bornAt: row.born_at, token: row.token };
}

/** All but when it arrived, which the table decides. */
export function columnsOf(letter: DeadLetter): Record<string, unknown> {
  const { id, scope, tenant = null, key, bornAt, token, event } = letter;
  const { error, attempts, rounds, replays, originalEvent, firstFailedAt, diedAt } = letter;
  const details: Details = {
    ...{ error, attempts, rounds, firstFailedAt, diedAt },
    ...(replays && { replays }),
    ...(originalEvent && { edited: true }),
  };
  return {
    id,
    scope,
    tenant,
    key,
    born_at: bornAt,
    token,
    error_name: error.name,
    error_code: error.code ?? null,
    details: JSON.stringify(details),
    event: blob(event),
    original: blob(originalEvent),
  };
}

export function letterOf(row: LetterRow): DeadLetter {
  const { edited, ...details } = JSON.parse(row.details) as Details;
  const { id, arrived_at: arrivedAt } = row;
  const letter = { ...idOf(row), id, ...versionOf(row), event: bytes(row.event), ...details, arrivedAt };
  return edited ? { ...letter, originalEvent: bytes(row.original) } : letter;
}
