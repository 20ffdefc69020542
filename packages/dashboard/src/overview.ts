/** How things stand: counts by scope, what arrived in the last hours, and what the store is. */
import type { ActivityCounts, ActivityStep } from "@hooklatch/core";
import type { Overview, ScopeCounts } from "./api.js";
import type { Settings } from "./options.js";

const HOUR_MS = 60 * 60 * 1000;
const HOURS = 24;
/** Counting may be work for the store: it is done at most every other second, and at most for a twentieth of the time. */
const LEAST_AGE_MS = 2_000;
const SHARE = 20;

/** However many pages are open, one count serves them all. */
export function createOverview(settings: Settings): () => Promise<Overview> {
  let current: Promise<Overview> | undefined;
  let freshUntil = 0;

  async function take(): Promise<Overview> {
    const from = performance.now();
    try {
      const overview = await overviewOf(settings);
      const tookMs = performance.now() - from;
      freshUntil = performance.now() + Math.max(LEAST_AGE_MS, tookMs * SHARE);
      return overview;
    } catch (error) {
      current = undefined;
      throw error;
    }
  }

  return () => {
    if (current === undefined || performance.now() >= freshUntil) {
      // Until it is there.
      freshUntil = Number.POSITIVE_INFINITY;
      current = take();
    }
    return current;
  };
}

async function overviewOf({ store, deadLetters, activity }: Settings): Promise<Overview> {
  const at = Date.now();
  const seen = new Map((activity?.read() ?? []).map((one) => [one.scope, one]));
  const names = [...new Set([...((await store.scopes?.()) ?? []), ...seen.keys()])].sort();
  const firstHour = Math.floor(at / HOUR_MS) * HOUR_MS - (HOURS - 1) * HOUR_MS;
  const hours = Array.from({ length: HOURS }, (_, n) => firstHour + n * HOUR_MS);
  const [scopes, letters, arrivals, description] = await Promise.all([
    Promise.all(
      names.map(async (scope): Promise<ScopeCounts> => {
        const [stats, count] = await Promise.all([store.stats(scope), deadLetters.count({ scope })]);
        const since = seen.get(scope)?.total;
        return { scope, ...stats, letters: count, ...(since && { since }) } as ScopeCounts;
      }),
    ),
    deadLetters.count(),
    Promise.all(
      hours.map(async (from) => ({
        at: from,
        letters: await deadLetters.count({ arrivedFrom: from, arrivedBefore: from + HOUR_MS }),
      })),
    ),
    store.describe?.(),
  ]);
  const { kind = "store", facts = {}, warnings = [] } = description ?? {};
  return {
    at,
    scopes,
    letters,
    arrivals,
    ...(activity && {
      activity: {
        since: activity.since,
        stepMs: HOUR_MS,
        steps: hourly(
          [...seen.values()].flatMap((one) => one.steps),
          hours,
        ),
      },
    }),
    store: { kind, facts: { ...facts }, warnings: [...warnings] },
  };
}

function hourly(
  steps: readonly ActivityStep[],
  hours: readonly number[],
): ({ at: number } & ActivityCounts)[] {
  return hours.map((from) => {
    const sum = { at: from, claimed: 0, completed: 0, replayed: 0, retried: 0, dead: 0 };
    for (const { at, counts } of steps) {
      if (at < from || at >= from + HOUR_MS) continue;
      for (const name of Object.keys(counts) as (keyof ActivityCounts)[]) sum[name] += counts[name];
    }
    return sum;
  });
}
