/** Waits that end in time: with what is waited for, at a moment, or all together when nobody has patience any longer. */
import { MAX_TIMER_MS } from "./options.js";

export interface Patience {
  /** What `work` resolves to; `undefined` when `until` (on the `performance.now()` clock) or `end()` comes first. */
  inTime<T>(work: Promise<T>, until: number): Promise<T | undefined>;
  /** `undefined` after `ms`, or at `end()`. */
  sleep(ms: number): Promise<undefined>;
  /** Ends all waits. */
  end(): void;
}

export function createPatience(): Patience {
  // Each wait registers itself and leaves: a race against one long-lived promise would keep every wait in memory for ever.
  const waits = new Set<() => void>();

  function wait<T>(work: Promise<T> | undefined, ms: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        waits.delete(early);
        clearTimeout(timer);
      };
      const early = (): void => {
        leave();
        resolve(undefined);
      };
      const timer = ms > MAX_TIMER_MS ? undefined : setTimeout(early, Math.max(0, ms));
      waits.add(early);
      work?.then(
        (value) => {
          leave();
          resolve(value);
        },
        (error: unknown) => {
          leave();
          reject(error as Error);
        },
      );
    });
  }

  return {
    inTime: (work, until) => wait(work, until - performance.now()),
    sleep: (ms) => wait<undefined>(undefined, ms),
    end() {
      for (const early of [...waits]) early();
    },
  };
}

/** What goes on, whoever waits for it: `close()` does. */
export interface Pending {
  /** Remembers the work until it has ended, however it does. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Resolves when nothing goes on, whatever was added meanwhile. */
  settled(): Promise<void>;
}

export function createPending(): Pending {
  let pending = 0;
  let waiting: (() => void)[] = [];
  function done(): void {
    if (--pending > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  }
  return {
    track(work) {
      pending++;
      work.then(done, done);
      return work;
    },
    async settled() {
      while (pending > 0) await new Promise<void>((resolve) => waiting.push(resolve));
    },
  };
}

/** When to ask again about an operation that is being worked on, or whose end is not known: its lease says nothing about how long it takes. */
export const CHECK_BACK_MS = 5_000;
/** How long `close()` waits. */
export const DEFAULT_DRAIN_MS = 10_000;
