/** How much slower growth may make the stores, and whether it does. */
import type { Verdict } from "../aims.js";
import type { Filled } from "./records.js";
import type { GrowthResult } from "./run.js";

const SLOWER_BY_RECORDS: Record<Filled, number> = { redis: 1.3, sqlite: 1.5 };
/** Eight processes on one SQLite file lose at most half. */
const LEFT_OF_ONE = 0.5;

export function verdictsOf({ records, processes }: GrowthResult): Verdict[] {
  const kept = records
    .filter((one) => one.records > Math.min(...records.map((other) => other.records)))
    .flatMap((one): Verdict[] =>
      (["pair", "duplicate"] as const).map((verb) => {
        const most = SLOWER_BY_RECORDS[one.store];
        const measured = one[verb];
        const what = `${one.store}, ${one.records} records: ${verb === "pair" ? "claim and completion" : "duplicate"}`;
        return { what, measured, asked: `≤ ${most} ×`, holds: measured.median <= most };
      }),
    );
  const shared = processes
    .filter(({ store, processes: count }) => store === "sqlite" && count > 1)
    .map(({ processes: count, overOne }): Verdict => {
      const what = `sqlite, ${count} processes on one file`;
      return { what, measured: overOne, asked: `≥ ${LEFT_OF_ONE} ×`, holds: overOne.median >= LEFT_OF_ONE };
    });
  return [...kept, ...shared];
}
