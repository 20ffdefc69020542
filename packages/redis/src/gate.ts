/**
 * Something that many wait for, each for as long as it wants: one attempt at a time brings it, and who has waited long enough leaves nothing
 * behind. While a server is away for an hour, an hour of callers must not be kept in memory.
 */
import { timedOut } from "./failures.js";

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * @param bring one attempt. It is told whether it still counts: one that has taken longer than `attemptMs`, and may never end, is followed by
 *   another one for those who wait
 */
export function createGate<T>(
  bring: (counts: () => boolean) => Promise<T>,
  attemptMs: number,
): (waitMs: number) => Promise<T> {
  const waiting = new Set<Waiting<T>>();
  let attempt: symbol | undefined;

  function start(): void {
    const mine = Symbol();
    attempt = mine;
    const counts = (): boolean => attempt === mine;
    const timer = setTimeout(() => {
      attempt = undefined;
      if (waiting.size > 0) start();
    }, attemptMs);
    const end = (tell: (one: Waiting<T>) => void): void => {
      if (!counts()) return;
      attempt = undefined;
      clearTimeout(timer);
      for (const one of waiting) {
        clearTimeout(one.timer);
        tell(one);
      }
      waiting.clear();
    };
    bring(counts).then(
      (value) => end(({ resolve }) => resolve(value)),
      (error: unknown) => end(({ reject }) => reject(error)),
    );
  }

  return (waitMs) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(one);
        reject(timedOut(waitMs));
      }, waitMs);
      const one: Waiting<T> = { resolve, reject, timer };
      waiting.add(one);
      if (attempt === undefined) start();
    });
}
