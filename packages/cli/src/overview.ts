/** Counts by scope. */
import type { StoreStats } from "@hooklatch/core";
import { iso } from "./times.js";
import type { Place } from "./where.js";

export interface ScopeCounts extends StoreStats {
  /** Letters in the queue; absent without one. */
  letters: number | undefined;
}
export interface Overview {
  scopes: { scope: string; counts: ScopeCounts }[];
  total: ScopeCounts;
  /** The store does not tell its scopes, so that there is only a total. */
  untold: boolean;
}

export async function overviewOf(place: Place, only: string | undefined): Promise<Overview> {
  const store = await place.store();
  const queue = (await place.hasDeadLetters()) ? await place.deadLetters() : undefined;
  const countsOf = async (scope?: string): Promise<ScopeCounts> => {
    const [stats, letters] = await Promise.all([
      store.stats(scope),
      queue?.count(scope === undefined ? {} : { scope }),
    ]);
    return { ...stats, letters };
  };
  const names = only === undefined ? await store.scopes?.() : [only];
  const [total, scopes] = await Promise.all([
    countsOf(only),
    Promise.all((names ?? []).map(async (scope) => ({ scope, counts: await countsOf(scope) }))),
  ]);
  return { scopes, total, untold: names === undefined };
}

export function countsShape({ oldestWaitingAt, letters, ...counts }: ScopeCounts) {
  const { running, waiting, completed, dead, released, unsettled } = counts;
  return {
    ...{ running, waiting, completed, dead, released, unsettled },
    letters: letters ?? null,
    oldestWaitingAt: iso(oldestWaitingAt) ?? null,
  };
}
