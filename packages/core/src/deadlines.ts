/**
 * Time limits, all of one length, for what is nearly always over long before. One timer serves all of them, because setting and clearing a
 * timer for each costs as much as the rest of an operation's bookkeeping. (Where a timer ends with the request that started it, each
 * has one of its own.)
 */
import { timersEndWithTheirRequest } from "./host.js";
import { MAX_TIMER_MS } from "./options.js";

export interface Deadline {
  /** When it passes, on the `performance.now()` clock. */
  readonly at: number;
  /** What it limits is over: it will not pass. */
  end(): void;
}

export interface Deadlines {
  /** Calls `late` once, when the time is over and nobody has ended it. */
  start(late: () => void): Deadline;
}

export interface DeadlinesOptions {
  ms: number;
  /** Whether they keep the process from ending. */
  keepAlive: boolean;
}

type Timer = ReturnType<typeof setTimeout>;
/** Of Node's timers; others have none. */
type Held = { ref?(): void; unref?(): void };

/** How many entries that are over may be left at the front. */
const COMPACT_AT = 512;

class Limit implements Deadline {
  late: (() => void) | undefined;

  constructor(
    readonly at: number,
    late: () => void,
    private readonly onEnd: () => void,
  ) {
    this.late = late;
  }

  end(): void {
    if (this.late === undefined) return;
    this.late = undefined;
    this.onEnd();
  }
}

export function createDeadlines({ ms, keepAlive }: DeadlinesOptions): Deadlines {
  /** In the order in which they pass, because all have the same length. Those before `first` are over. */
  let queue: Limit[] = [];
  let first = 0;
  let open = 0;
  let timer: Timer | undefined;

  function ended(): void {
    open--;
    while (first < queue.length && queue[first]?.late === undefined) first++;
    if (first >= queue.length) {
      queue.length = 0;
      first = 0;
    } else if (first >= COMPACT_AT) {
      queue = queue.slice(first);
      first = 0;
    }
    if (open === 0) (timer as Held | undefined)?.unref?.();
  }

  function wait(forMs: number): void {
    timer = setTimeout(pass, Math.min(MAX_TIMER_MS, Math.max(0, forMs)));
    if (!keepAlive) (timer as Held).unref?.();
  }

  function pass(): void {
    timer = undefined;
    const now = performance.now();
    // Ending one moves `first` on.
    for (let next = queue[first]; next !== undefined && next.at <= now; next = queue[first]) {
      const { late } = next;
      next.end();
      late?.();
    }
    const next = queue[first];
    if (next !== undefined && timer === undefined) wait(next.at - now);
  }

  function startAlone(late: () => void): Deadline {
    const own = setTimeout(late, Math.min(MAX_TIMER_MS, ms));
    if (!keepAlive) (own as Held).unref?.();
    return { at: performance.now() + ms, end: () => clearTimeout(own) };
  }

  return {
    start(late) {
      if (timersEndWithTheirRequest()) return startAlone(late);
      const limit = new Limit(performance.now() + ms, late, ended);
      queue.push(limit);
      if (timer === undefined) wait(ms);
      else if (open === 0 && keepAlive) (timer as Held).ref?.();
      open++;
      return limit;
    },
  };
}
