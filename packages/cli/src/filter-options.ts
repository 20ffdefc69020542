/** The filters of the commands on dead letters, as options and back. */
import { checkQuery, type LetterFilter } from "@hooklatch/core";
import { type Command, InvalidArgumentError, Option } from "commander";
import { iso, readTime } from "./times.js";

/** As commander gives them. */
export interface FilterOptions {
  scope?: string;
  tenant?: string;
  key?: string;
  error?: string;
  text?: string;
  firstFailedAfter?: number;
  firstFailedBefore?: number;
  failedAfter?: number;
  failedBefore?: number;
  arrivedAfter?: number;
  arrivedBefore?: number;
  minReplays?: number;
  maxReplays?: number;
}

const TEXTS = [
  ["scope", "scope", "<name>", "letters of this scope"],
  ["tenant", "tenant", "<name>", "of this tenant"],
  ["key", "key", "<key>", "of this idempotency key"],
  ["error", "error", "<name>", "whose last error has exactly this name or code"],
  ["text", "errorText", "<text>", "with this text in the error's name, code or message, in any case"],
] as const;
const TIMES = [
  ["first-failed-after", "firstFailedFrom", "that failed first at this time or later"],
  ["first-failed-before", "firstFailedBefore", "that failed first before this time"],
  ["failed-after", "diedFrom", "that failed last at this time or later"],
  ["failed-before", "diedBefore", "that failed last before this time"],
  ["arrived-after", "arrivedFrom", "that arrived at this time or later"],
  ["arrived-before", "arrivedBefore", "that arrived before this time"],
] as const;
const COUNTS = [
  ["min-replays", "minReplays", "that were replayed so often, or more"],
  ["max-replays", "maxReplays", "that were replayed so often, or less"],
] as const;

export const TIMES_HELP =
  "\nTimes: a date such as 2025-11-30 or 2025-11-30T18:00 (UTC, unless it names a zone), or a time ago: 90s, 15m, 2h, 7d, 4w.";

export function addFilterOptions(command: Command): Command {
  for (const [name, , value, text] of TEXTS) command.addOption(new Option(`--${name} ${value}`, text));
  for (const [name, , text] of TIMES)
    command.addOption(new Option(`--${name} <time>`, text).argParser(readTime));
  for (const [name, , text] of COUNTS)
    command.addOption(new Option(`--${name} <count>`, text).argParser(readCount(0)));
  return command;
}

/** @throws {HooklatchError} `invalid_argument` */
export function filterOf(options: FilterOptions): LetterFilter {
  const filter: Record<string, unknown> = {};
  for (const [name, field] of [...TEXTS, ...TIMES, ...COUNTS]) {
    const value = options[camel(name) as keyof FilterOptions];
    if (value !== undefined) filter[field] = value;
  }
  checkQuery(filter);
  return filter;
}

/** The options that make this filter. Times as dates, so that they stay the same. */
export function argumentsOf(filter: LetterFilter): string[] {
  const of = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`--${name}=${value}`];
  return [
    ...TEXTS.flatMap(([name, field]) => of(name, filter[field])),
    ...TIMES.flatMap(([name, field]) => of(name, iso(filter[field]))),
    ...COUNTS.flatMap(([name, field]) => of(name, filter[field])),
  ];
}

/** For a question: `scope "orders", error "TypeError"`. Empty: all. */
export function inWords(filter: LetterFilter): string {
  return argumentsOf(filter)
    .map((argument) => argument.slice(2).replace(/=(.*)$/s, ' "$1"'))
    .join(", ");
}

export function readCount(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (count >= least && count <= most) return count;
    throw new InvalidArgumentError(
      most === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number, ${least} or more.`
        : `It must be a whole number from ${least} to ${most}.`,
    );
  };
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
