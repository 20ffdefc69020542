/** Numbers, durations and times in words. */

const counts = new Intl.NumberFormat("en");
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const day = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export function count(value: number): string {
  return counts.format(value);
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

export function absolute(at: number): string {
  return valid(at) ? full.format(at) : "an unknown time";
}

export function clockTime(at: number): string {
  return valid(at) ? day.format(at) : "?";
}

export function hourOf(at: number): string {
  return valid(at) ? hour.format(at) : "?";
}

const UNITS: [ms: number, name: string][] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1000, "s"],
];

/** "350 ms", "4.2 s", "3 min 12 s", "2 h 5 min", "12 d 3 h". */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return "?";
  const length = Math.max(0, ms);
  if (length < 1000) return `${Math.round(length)} ms`;
  if (length < 10_000) return `${trim(length / 1000)} s`;
  const index = UNITS.findIndex(([unit]) => length >= unit);
  const [unit, name] = UNITS[index] ?? [1000, "s"];
  const whole = Math.floor(length / unit);
  const smaller = UNITS[index + 1];
  const rest = smaller ? Math.floor((length - whole * unit) / smaller[0]) : 0;
  return rest > 0 && smaller && whole < 30 ? `${whole} ${name} ${rest} ${smaller[1]}` : `${whole} ${name}`;
}

/** One unit only: "now", "43 s", "3 min", "5 h", "12 d". */
export function roughly(ms: number): string {
  const length = Math.abs(ms);
  const [unit, name] = UNITS.find(([one]) => length >= one) ?? [1000, "s"];
  return `${Math.floor(length / unit)} ${name}`;
}

export function ago(at: number, now: number): string {
  if (!valid(at)) return "at an unknown time";
  const passed = now - at;
  if (Math.abs(passed) < 1000) return "now";
  return passed > 0 ? `${roughly(passed)} ago` : `in ${roughly(passed)}`;
}

export function bytes(size: number): string {
  if (size < 1024) return plural(size, "byte");
  if (size < 1024 * 1024) return `${trim(size / 1024)} KiB`;
  return `${trim(size / 1024 / 1024)} MiB`;
}

function trim(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}

function valid(at: number): boolean {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15;
}
