/** Counts what happens in this process, by scope and over the last day, for a dashboard or a metrics endpoint. */
import type { IdempotencyEvents } from "./events.js";
import { emitter } from "./events.js";

/** Events that are counted, under these names. */
const COUNTED = ["claimed", "completed", "replayed", "retried", "dead"] as const;

export type ActivityCounts = Record<(typeof COUNTED)[number], number>;

export interface ActivityStep {
  /** When the step begins (ms since the epoch). */
  at: number;
  counts: ActivityCounts;
}

export interface ScopeActivity {
  scope: string;
  /** Since `Activity.since`. */
  total: ActivityCounts;
  /** Oldest first; steps in which nothing happened are left out. The last 24 hours. */
  steps: ActivityStep[];
}

export interface Activity {
  /** When this process began to count (ms since the epoch). */
  readonly since: number;
  /** The length of a step: 5 minutes. */
  readonly stepMs: number;
  /** Listeners for the `on` of a handler or a guard: they count, and then call your own. */
  listeners(own?: Partial<IdempotencyEvents>): Partial<IdempotencyEvents>;
  /** By the name of the scope. */
  read(): ScopeActivity[];
}

const STEP_MS = 5 * 60 * 1000;
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * A counter for the handlers and guards of one process. It forgets with the process, and sees nothing of other processes.
 *
 * @param options `now`: a clock, ms since the epoch, for tests. Default: `Date.now`.
 *
 * @example
 * const activity = recordActivity();
 * app.post("/webhooks", withIdempotency(handler, { store, scope: "webhooks", on: activity.listeners() }));
 */
export function recordActivity({ now = Date.now }: { now?: () => number } = {}): Activity {
  const since = now();
  const scopes = new Map<string, ScopeActivity>();

  function count(scope: string, name: keyof ActivityCounts): void {
    const activity = scopes.get(scope) ?? { scope, total: none(), steps: [] };
    scopes.set(scope, activity);
    const { steps, total } = activity;
    const at = Math.floor(now() / STEP_MS) * STEP_MS;
    let step = steps.at(-1);
    if (step === undefined || step.at < at) {
      step = { at, counts: none() };
      steps.push(step);
      while ((steps[0]?.at ?? at) <= at - KEPT_MS) steps.shift();
    }
    step.counts[name]++;
    total[name]++;
  }

  return {
    since,
    stepMs: STEP_MS,
    listeners(own) {
      const forward = emitter(own);
      const counting = COUNTED.map((name) => [
        name,
        (event: { scope: string }) => {
          count(event.scope, name);
          forward(name, event as never);
        },
      ]);
      return { ...own, ...(Object.fromEntries(counting) as Partial<IdempotencyEvents>) };
    },
    read() {
      const from = Math.floor(now() / STEP_MS) * STEP_MS - KEPT_MS;
      return [...scopes.values()]
        .sort((a, b) => (a.scope < b.scope ? -1 : 1))
        .map((one) => structuredClone({ ...one, steps: one.steps.filter(({ at }) => at > from) }));
    },
  };
}

function none(): ActivityCounts {
  return { claimed: 0, completed: 0, replayed: 0, retried: 0, dead: 0 };
}
