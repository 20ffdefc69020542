/**
 * Finding letters: the SQL of each question. An index finds the letters, and only those that are given out are read.
 *
 * Times of arrival never decrease along the order of arrival, so that a bound of time is a bound of that order, too. Every index of letters
 * ends with the order: whatever a page is filtered by, it begins at its cursor and stops when it is full.
 */
import { type DeadLetterQuery, foldText } from "@hooklatch/core";
import { LETTER, TABLE } from "./letter-row.js";

export interface Question {
  sql: string;
  params: Record<string, unknown>;
}

const THERE = "removed_at IS NULL";
/** In two disjoint parts, each with an index of its own: a letter whose name and code are both asked for is in the first. */
const WITH_ERROR = ["error_name = @error", "error_code = @error AND error_name IS NOT @error"];

/** What has no index of its own is looked at in one that holds all of it, so that no letter is read that is not given out. */
const FACETS: Readonly<Record<string, string>> = {
  tenant: "tenant = @tenant",
  errorText: "instr(error_text, @errorText) > 0",
  firstFailedFrom: "first_failed_at >= @firstFailedFrom",
  firstFailedBefore: "first_failed_at < @firstFailedBefore",
  diedFrom: "died_at >= @diedFrom",
  diedBefore: "died_at < @diedBefore",
  minReplays: "replays >= @minReplays",
  maxReplays: "replays <= @maxReplays",
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

export function countOf(query: DeadLetterQuery | undefined): Question {
  // Where nothing else is asked for, the index of the times themselves is the one to read.
  const asked = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  const timesAlone = asked.every(([name]) => name === "arrivedFrom" || name === "arrivedBefore");
  const { params, parts, from } = partsOf(query, timesAlone ? byTime : byArrival);
  const counts = parts.map((where) => `(SELECT COUNT(*) FROM ${from} WHERE ${where})`);
  return { sql: `SELECT ${counts.join(" + ")} AS count`, params };
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

/** The conditions of each disjoint part of what is asked for. */
function partsOf(query: DeadLetterQuery = {}, between: (bounds: Bounds) => string[]) {
  const { error, arrivedFrom, arrivedBefore } = query;
  const conditions = [THERE];
  const params: Record<string, unknown> = {};
  for (const column of ["scope", "key"] as const) {
    if (query[column] === undefined) continue;
    conditions.push(`${column} = @${column}`);
    params[column] = query[column];
  }
  const facets = Object.keys(FACETS).filter((name) => query[name as keyof DeadLetterQuery] !== undefined);
  for (const name of facets) {
    conditions.push(FACETS[name] as string);
    params[name] = query[name as keyof DeadLetterQuery];
  }
  if (query.errorText !== undefined) params.errorText = foldText(query.errorText);
  // Of one key there are few letters, and its index finds them.
  const from =
    facets.length > 0 && query.key === undefined ? `${TABLE} INDEXED BY hooklatch_letters_facets` : TABLE;
  const bounds = { arrivedFrom, arrivedBefore };
  conditions.push(...between(bounds));
  for (const [name, at] of Object.entries(bounds)) if (at !== undefined) params[name] = at;
  const every = conditions.join(" AND ");
  if (error === undefined) return { params, parts: [every], from };
  return { params: { ...params, error }, from, parts: WITH_ERROR.map((one) => `${every} AND ${one}`) };
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
