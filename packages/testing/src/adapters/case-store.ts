/** The store of a case: a memory store whose calls are counted, whose clock can be moved, and whose verbs can be made to fail. */
import { type IdempotencyStore, memoryStore } from "@hooklatch/core";
import { deferred } from "./deferred.js";

type Verb = "claim" | "extend" | "complete" | "release" | "get";
/** Stands between the guard and the store: does or does not make the call, and answers or throws. */
type Fault = (call: () => Promise<unknown>) => Promise<unknown>;

export interface CaseStore extends IdempotencyStore {
  /** How often each verb was called. */
  readonly calls: Readonly<Record<Verb, number>>;
  /** How often any verb was called. */
  readonly total: number;
  /** From now on; `undefined` repairs it. */
  fault(verb: Verb, fault: Fault | undefined): void;
  /** Resolves when this verb has been answered this many times in all. */
  answered(verb: Verb, times?: number): Promise<void>;
  /** Moves the store's clock, which stands still otherwise. */
  advance(ms: number): void;
  /** The same data as another object, as another process would have it. */
  again(): IdempotencyStore;
}

export function caseStore(): CaseStore {
  let now = Date.now();
  const inner = memoryStore({ now: () => now });
  const calls: Record<Verb, number> = { claim: 0, extend: 0, complete: 0, release: 0, get: 0 };
  const answers: Record<Verb, number> = { ...calls };
  const faults: Partial<Record<Verb, Fault | undefined>> = {};
  let waiting: { verb: Verb; times: number; resolve(): void }[] = [];
  let others = 0;

  async function through<Answer>(verb: Verb, call: () => Promise<Answer>): Promise<Answer> {
    calls[verb]++;
    const fault = faults[verb];
    const answer = await (fault ? (fault(call) as Promise<Answer>) : call());
    answers[verb]++;
    waiting = waiting.filter((one) => {
      const due = one.verb === verb && answers[verb] >= one.times;
      if (due) one.resolve();
      return !due;
    });
    return answer;
  }

  return {
    ...inner,
    claim: (r) => through("claim", () => inner.claim(r)),
    extend: (r) => through("extend", () => inner.extend(r)),
    complete: (r) => through("complete", () => inner.complete(r)),
    release: (r) => through("release", () => inner.release(r)),
    get: (id) => through("get", () => inner.get(id)),
    purge: async (r) => {
      others++;
      return (await inner.purge?.(r)) ?? 0;
    },
    calls,
    get total() {
      return Object.values(calls).reduce((sum, one) => sum + one, others);
    },
    fault(verb, fault) {
      faults[verb] = fault;
    },
    answered(verb, times = 1) {
      if (answers[verb] >= times) return Promise.resolve();
      const { promise, resolve } = deferred<void>();
      waiting.push({ verb, times, resolve });
      return promise;
    },
    advance(ms) {
      now += ms;
    },
    again: () => ({ ...inner }),
  };
}

/** The store cannot be reached. */
export const away: Fault = async () => {
  throw new Error("connect ECONNREFUSED");
};

/** The next call arrives, but its answer is lost; the ones after it are answered. */
export function replyLostOnce(): Fault {
  let lost = false;
  return async (call) => {
    const answer = await call();
    if (lost) return answer;
    lost = true;
    throw new Error("read ECONNRESET");
  };
}
