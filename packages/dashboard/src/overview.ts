/** How things stand: counts by scope, what arrived in the last hours, and what the store is. */
import type { ActivityCounts, ActivityStep } from "@hooklatch/core";
import type { Overview, ScopeCounts } from "./api.js";
import type { Settings } from "./options.js";
import { refuse } from "./refusal.js";

const HOUR_MS = 60 * 60 * 1000;
const HOURS = 24;
/** Counting may be work for the store: it is done at most every other second, and at most for a twentieth of the time. */
const LEAST_AGE_MS = 2_000;
const SHARE = 20;
/** The longest that a request waits for a count; the page itself waits a little longer. */
const WAIT_MS = 15_000;
/** A count that is not there by then never comes: the next request begins another. */
const GIVE_UP_MS = 60_000;

/**
 * However many pages are open, one count serves them all. A store that is slow, or never answers, makes nobody wait for longer than a page
 * does: a request is then refused as `store_slow`, and one that comes later is given what the count has brought meanwhile.
 */
export function createOverview(settings: Settings): () => Promise<Overview> {
  let current: Taken | undefined;

  function take(): Taken {
    const from = performance.now();
    const taken: Taken = { overview: overviewOf(settings), freshUntil: from + GIVE_UP_MS };
    taken.overview.then(
      () => {
        const now = performance.now();
        taken.freshUntil = now + Math.max(LEAST_AGE_MS, (now - from) * SHARE);
      },
      () => {
        // The next one may go well.
        taken.freshUntil = 0;
      },
    );
    return taken;
  }

  return () => {
    if (current === undefined || performance.now() >= current.freshUntil) current = take();
    return inTime(current.overview);
  };
}

interface Taken {
  overview: Promise<Overview>;
  /** By `performance.now()`: no other is taken before. */
  freshUntil: number;
}

async function inTime(overview: Promise<Overview>): Promise<Overview> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const slow = refuse(503, "store_slow", `The store could not be counted within ${WAIT_MS / 1_000} s.`);
    timer = setTimeout(() => reject(slow), WAIT_MS);
  });
  try {
    return await Promise.race([overview, late]);
  } finally {
    clearTimeout(timer);
  }
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
