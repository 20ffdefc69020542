/** Times and durations, read and shown. */
import { InvalidArgumentError } from "commander";

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DAY = UNITS.d;
const ZONE = /(z|[+-]\d\d:?\d\d)$/i;

/** A date (ISO 8601; UTC where it names no zone), or how long ago: `90s`, `15m`, `2h`, `7d`, `4w`. In ms since the epoch. */
export function readTime(text: string): number {
  const [, count, unit] = /^(\d{1,9})(s|m|h|d|w)$/.exec(text) ?? [];
  if (count !== undefined) return Math.max(0, Date.now() - Number(count) * UNITS[unit as keyof typeof UNITS]);
  const isDate = /^\d{4}-\d\d-\d\d(T\d\d:\d\d.*)?$/i.test(text);
  const at = Date.parse(text.includes("T") && !ZONE.test(text) ? `${text}Z` : text);
  if (isDate && at >= 0) return at;
  throw new InvalidArgumentError(
    "It must be a date such as 2025-11-30T18:00, or a time ago such as 15m, 2h or 7d.",
  );
}

export function iso(at: number): string;
export function iso(at: number | undefined): string | undefined;
export function iso(at: number | undefined): string | undefined {
  if (at === undefined) return undefined;
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}

/** `850 ms`, `12.5 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < UNITS.m) return `${Number((ms / 1_000).toFixed(1))} s`;
  const minutes = Math.round(ms / UNITS.m);
  if (minutes < 60) return `${minutes} min`;
  if (ms < DAY) return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? "" : ` ${minutes % 60} min`}`;
  return `${Math.round(ms / DAY)} d`;
}

/** `3 min ago`, or `in 3 min`. */
export function since(at: number, now = Date.now()): string {
  return at <= now ? `${duration(now - at)} ago` : `in ${duration(at - now)}`;
}
