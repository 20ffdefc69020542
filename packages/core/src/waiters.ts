/** Duplicates that wait for the result of a running operation: one of them polls, the others listen to it. */

const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1_000;

interface Answer {
  status: string;
}

export interface Waiters<T extends Answer> {
  /** Polls until the answer is no longer `running`, or `until` (on the `performance.now()` clock); then the last answer. */
  wait(name: string, until: number, last: T, poll: () => Promise<T>): Promise<T>;
  /** Everybody gets the last answer now. */
  stop(): void;
}

export function createWaiters<T extends Answer>(): Waiters<T> {
  const leaders = new Map<string, Promise<T>>();
  const sleeping = new Set<() => void>();
  let stopped = false;

  /** Ends after `ms`, when stopped, or with `until`. */
  function sleep(ms: number, until?: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        sleeping.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(0, ms));
      sleeping.add(wake);
      until?.then(wake, wake);
    });
  }

  async function lead(until: number, last: T, poll: () => Promise<T>): Promise<T> {
    let answer = last;
    for (let ms = FIRST_POLL_MS; !stopped; ms = Math.min(ms * 2, LONGEST_POLL_MS)) {
      const left = until - performance.now();
      if (left <= 0) break;
      await sleep(Math.min(ms, left));
      if (stopped) break;
      answer = await poll();
      if (answer.status !== "running") break;
    }
    return answer;
  }

  async function follow(leader: Promise<T>, until: number, last: T): Promise<T> {
    // A leader whose poll failed was answered with the error; the others ask for themselves.
    let answer = last;
    const heard = leader.then(
      (theirs) => {
        answer = theirs;
      },
      () => {},
    );
    await sleep(until - performance.now(), heard);
    // Its run is its own: for the others it is an earlier run.
    return "replayed" in answer ? { ...answer, replayed: true } : answer;
  }

  return {
    async wait(name, until, last, poll) {
      let answer = last;
      while (answer.status === "running" && performance.now() < until && !stopped) {
        const leader = leaders.get(name);
        if (leader !== undefined) {
          answer = await follow(leader, until, last);
          continue;
        }
        const leading = lead(until, last, poll);
        leaders.set(name, leading);
        try {
          answer = await leading;
        } finally {
          leaders.delete(name);
        }
      }
      return answer;
    },
    stop() {
      stopped = true;
      for (const wake of sleeping) wake();
    },
  };
}
