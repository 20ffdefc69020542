/**
 * Finding letters: the SQL of each question. An index finds the letters, or their facets are looked at one by one; only the letters that are
 * given out are read.
 *
 * Times of arrival never decrease along the order of arrival, so that a bound of time is a bound of that order, too. Every index that a page
 * is found by has that order: whatever it is filtered by, it begins at its cursor and stops when it is full.
 */
import { type DeadLetterQuery, foldText } from "@hooklatch/core";
import { FACETS } from "./letter-facets.js";
import { LETTER, TABLE } from "./letter-row.js";

export interface Question {
  sql: string;
  params: Record<string, unknown>;
}

const THERE = "removed_at IS NULL";
/** In two disjoint parts, each with an index of its own: a letter whose name and code are both asked for is in the first. */
const WITH_ERROR = ["error_name = @error", "error_code = @error AND error_name IS NOT @error"];

/** Said outright, because SQLite does not know how many letters of each kind there are. The first goes along the order of arrival. */
const ONE_BY_ONE = `${FACETS} NOT INDEXED`;
const BY_KEY = `${FACETS} INDEXED BY ${FACETS}_key`;
const BY_DEATH = `${FACETS} INDEXED BY ${FACETS}_died`;

/** What no index of the letters finds. The text comes last, so that it is looked at where everything else is right. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  tenant: "tenant = @tenant",
  firstFailedFrom: "first_failed_at >= @firstFailedFrom",
  firstFailedBefore: "first_failed_at < @firstFailedBefore",
  diedFrom: "died_at >= @diedFrom",
  diedBefore: "died_at < @diedBefore",
  minReplays: "replays >= @minReplays",
  maxReplays: "replays <= @maxReplays",
  errorText: "instr(error_text, @errorText) > 0",
};

/** One letter more than the page holds tells whether there is a next one. */
export function pageOf(query: DeadLetterQuery | undefined, before: number, limit: number): Question {
  const { params, parts, from } = partsOf(query, (bounds) => byArrival(bounds, "@before"));
  const found = parts.map((where) => `SELECT arrival FROM ${from} WHERE ${where}`);
  const page = `${found.join(" UNION ALL ")} ORDER BY arrival DESC LIMIT @limit`;
  return {
    sql: `SELECT ${LETTER} FROM ${TABLE} WHERE arrival IN (${page}) ORDER BY arrival DESC`,
    params: { ...params, before, limit: limit + 1 },
  };
}

export function countOf(query: DeadLetterQuery = {}): Question {
  // Where nothing else is asked for, the index of the times themselves is the one to read.
  const timesAlone = asksOnly(query, ["arrivedFrom", "arrivedBefore"]);
  const found = partsOf(query, timesAlone ? byTime : byArrival);
  // So is the one of the last failures. For a page it has the wrong order.
  const died = (query.diedFrom ?? query.diedBefore) !== undefined;
  const from = died && asksOnly(query, ["scope", "diedFrom", "diedBefore"]) ? BY_DEATH : found.from;
  const counts = found.parts.map((where) => `(SELECT COUNT(*) FROM ${from} WHERE ${where})`);
  return { sql: `SELECT ${counts.join(" + ")} AS count`, params: found.params };
}

/** What is over a limit is the beginning of the scope's letters: up to the last one that is too old, or too many. */
export function expiredOf(scope: string, until: number | undefined, most: number | undefined): Question {
  const tooOld = `SELECT arrival FROM ${TABLE} WHERE ${THERE} AND arrived_at <= @until
    ORDER BY arrived_at DESC, arrival DESC LIMIT 1`;
  const tooMany = `SELECT arrival FROM ${TABLE} WHERE ${THERE} AND scope = @scope
    ORDER BY arrival DESC LIMIT 1 OFFSET @most`;
  const bounds = [...(until === undefined ? [] : [tooOld]), ...(most === undefined ? [] : [tooMany])];
  const last = bounds.map((bound) => `COALESCE((${bound}), 0)`);
  return {
    sql: `SELECT id FROM ${TABLE} WHERE ${THERE} AND scope = @scope
      AND arrival <= ${last.length > 1 ? `MAX(${last.join(", ")})` : last.join()} ORDER BY arrival LIMIT @limit`,
    params: { scope, ...(until === undefined ? {} : { until }), ...(most === undefined ? {} : { most }) },
  };
}

function asksOnly(query: DeadLetterQuery, names: readonly (keyof DeadLetterQuery)[]): boolean {
  const others = Object.entries(query).filter(([name]) => !names.some((one) => one === name));
  return others.every(([, value]) => value === undefined);
}

/** The conditions of each disjoint part of what is asked for, and where they are looked at. */
function partsOf(query: DeadLetterQuery = {}, between: (bounds: Bounds) => string[]) {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined);
  const params: Record<string, unknown> = Object.fromEntries(asked);
  if (query.errorText !== undefined) params.errorText = foldText(query.errorText);
  const { scope, key, error } = query;
  const conditions = [...(scope === undefined ? [] : ["scope = @scope"]), ...between(query)];
  const facets = Object.keys(LOOKED_AT).filter((name) => name in params);
  if (key === undefined && facets.length === 0) {
    const every = [THERE, ...conditions].join(" AND ");
    const parts = error === undefined ? [every] : WITH_ERROR.map((one) => `${every} AND ${one}`);
    return { params, parts, from: TABLE };
  }
  if (key !== undefined) conditions.push("key = @key");
  if (error !== undefined) conditions.push("(error_name = @error OR error_code = @error)");
  conditions.push(...facets.map((name) => LOOKED_AT[name] as string));
  // Of one key there are few letters, whatever else is asked for.
  return { params, parts: [conditions.join(" AND ")], from: key === undefined ? ONE_BY_ONE : BY_KEY };
}

type Bounds = Pick<DeadLetterQuery, "arrivedFrom" | "arrivedBefore">;

function byTime({ arrivedFrom, arrivedBefore }: Bounds): string[] {
  return [
    ...(arrivedFrom === undefined ? [] : ["arrived_at >= @arrivedFrom"]),
    ...(arrivedBefore === undefined ? [] : ["arrived_at < @arrivedBefore"]),
  ];
}

function byArrival({ arrivedFrom, arrivedBefore }: Bounds, cursor?: string): string[] {
  const ends = [
    ...(cursor === undefined ? [] : [cursor]),
    ...(arrivedBefore === undefined ? [] : [firstSince("@arrivedBefore")]),
  ];
  // In one bound: of two, SQLite would begin at one and step over everything up to the other.
  const end = ends.length > 1 ? `MIN(${ends.join(", ")})` : ends[0];
  return [
    ...(arrivedFrom === undefined ? [] : [`arrival >= ${firstSince("@arrivedFrom")}`]),
    ...(end === undefined ? [] : [`arrival < ${end}`]),
  ];
}

/** The first arrival at this time or later; where there is none yet, one that never comes. */
function firstSince(time: string): string {
  const first = `SELECT arrival FROM ${TABLE} WHERE ${THERE} AND arrived_at >= ${time} ORDER BY arrived_at, arrival LIMIT 1`;
  return `COALESCE((${first}), ${Number.MAX_SAFE_INTEGER})`;
}
