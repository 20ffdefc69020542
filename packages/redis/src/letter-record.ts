/** A dead letter as Redis keeps it, and what it is found by. */
import { type DeadLetter, type DeadLetterQuery, foldText, HooklatchError, textOf } from "@hooklatch/core";
import { blob, bytes, fieldsOf, optional, payload } from "./operation-record.js";
import type { Argument } from "./script.js";

/** What of a letter is not a field of its own. */
type Details = Pick<DeadLetter, "error" | "attempts" | "rounds" | "replays" | "firstFailedAt" | "diedAt">;

export function letterArguments(letter: DeadLetter): Argument[] {
  const { id, scope, tenant, key, bornAt, token, event, originalEvent, ...rest } = letter;
  const { error, attempts, rounds, replays, firstFailedAt, diedAt } = rest;
  const details: Details = { error, attempts, rounds, replays, firstFailedAt, diedAt };
  return [
    id,
    scope,
    optional(tenant),
    key,
    bornAt,
    token,
    error.name,
    error.code ?? "",
    textOf(error),
    JSON.stringify(details),
    blob(event),
    ...payload(originalEvent),
    ...numbersOf(details),
  ];
}

/** What a letter must be indexed by that was pushed before there were these indexes. `found`: id, bornAt, token and details. */
export function indexArguments(found: readonly (Buffer | null)[]): Argument[] | undefined {
  const [id, bornAt, token, json] = found.map(String) as [string, string, string, string];
  // Redis has dropped it, under an evicting policy that was accepted.
  if (found.includes(null)) return undefined;
  const details = JSON.parse(json) as Details;
  return [id, bornAt, token, textOf(details.error), ...numbersOf(details)];
}

function numbersOf({ firstFailedAt, diedAt, replays = [] }: Details): Argument[] {
  return [firstFailedAt, diedAt, replays.length];
}

export interface Found {
  letter: DeadLetter;
  arrival: string;
}

/** From `HGETALL`. */
export function foundIn(fields: readonly Buffer[]): Found {
  const found = fieldsOf(fields);
  const text = (name: string): string => String(found.get(name) ?? "");
  const arrival = text("arrival");
  const letter: DeadLetter = {
    id: text("id"),
    scope: text("scope"),
    ...(found.has("tenant") ? { tenant: text("tenant") } : {}),
    key: text("key"),
    bornAt: Number(text("bornAt")),
    token: Number(text("token")),
    event: bytes(found.get("event")),
    ...(found.has("original") ? { originalEvent: bytes(found.get("original")) } : {}),
    ...(JSON.parse(text("details")) as Details),
    arrivedAt: Math.floor(Number(arrival) / 1_000),
  };
  return { letter, arrival };
}

/** All of a query but its upper bound of arrivals, which moves on while letters are looked at. */
export function filterOf(query: DeadLetterQuery = {}): Argument[] {
  const { scope, tenant, key, error, errorText } = query;
  return [
    ...[scope, tenant, key, error, errorText && foldText(errorText)].map(optional),
    ...between(query.firstFailedFrom, query.firstFailedBefore),
    ...between(query.diedFrom, query.diedBefore),
    query.minReplays ?? "-inf",
    query.maxReplays ?? "+inf",
    micros(query.arrivedFrom) ?? "-inf",
  ];
}

function between(from: number | undefined, before: number | undefined): Argument[] {
  return [from ?? "-inf", before === undefined ? "+inf" : `(${before}`];
}

/** From where to walk down: a bound that is not itself included. */
export function arrivedBefore({ cursor, arrivedBefore }: DeadLetterQuery = {}): string {
  if (cursor !== undefined && !/^\d{1,16}$/.test(cursor)) {
    throw new HooklatchError("invalid_argument", "`cursor` is not one of this queue's.");
  }
  const bounds = [cursor, micros(arrivedBefore)].filter((bound) => bound !== undefined);
  if (bounds.length === 0) return "+inf";
  return `(${bounds.reduce((a, b) => (Number(a) < Number(b) ? a : b))}`;
}

/** Arrivals are µs; `arrivedAt` shows their whole ms. */
function micros(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : String(Math.ceil(ms) * 1_000);
}
