/** The server's time, as well as the page knows it, so that "3 min overdue" is right on a machine whose clock is not. */
import { useEffect } from "preact/hooks";
import { shared, useShared } from "./shared.js";

let offset = 0;
const ticks = { 1000: shared(0), 10000: shared(0) };

/** The `date` header has whole seconds, so that less than two of them apart means nothing. */
export function noteServerTime(header: string | null): void {
  const at = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(at)) return;
  const apart = at + 500 - Date.now();
  offset = Math.abs(apart) > 2500 ? apart : 0;
}

export function now(): number {
  return Date.now() + offset;
}

/** Renders again every so often, all users at the same moment. */
export function useNow(everyMs: 1000 | 10000 = 10000): number {
  const tick = ticks[everyMs];
  useShared(tick);
  useEffect(() => {
    const timer = setInterval(() => tick.set(Math.floor(Date.now() / everyMs)), everyMs);
    return () => clearInterval(timer);
  }, [tick, everyMs]);
  return now();
}
