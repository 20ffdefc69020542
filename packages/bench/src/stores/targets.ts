/** What the stores must reach, and whether they do. */
import type { Verdict } from "../aims.js";
import type { BlockRow, Row, StoresResult } from "./run.js";
import type { SubjectName, Verb } from "./subjects.js";

interface RateTarget {
  store: SubjectName;
  floor: SubjectName;
  verb: Verb;
  inFlight: number;
  atLeast: number;
}

const claims = { store: "redis", floor: "redis-commands", verb: "claim" } as const;
const RATES: readonly RateTarget[] = [
  { ...claims, inFlight: 1, atLeast: 0.95 },
  { ...claims, inFlight: 64, atLeast: 1.6 },
  { ...claims, inFlight: 256, atLeast: 2 },
  ...(["claim", "complete"] as const).flatMap((verb): RateTarget[] => [
    { store: "sqlite", floor: "sqlite-full", verb, inFlight: 1, atLeast: 0.95 },
    { store: "sqlite", floor: "sqlite-full", verb, inFlight: 64, atLeast: 12 },
    { store: "sqlite", floor: "sqlite-normal", verb, inFlight: 64, atLeast: 2.5 },
  ]),
];

/** Of what was measured: those whose figures are absent are left out. */
export function verdictsOf({ rows, blocks }: StoresResult): Verdict[] {
  const rowOf = (subject: SubjectName, verb: Verb, inFlight: number): Row | undefined =>
    rows.find((row) => row.subject === subject && row.verb === verb && row.inFlight === inFlight);

  const rates = RATES.flatMap(({ store, floor, verb, inFlight, atLeast }): Verdict[] => {
    const measured = rowOf(store, verb, inFlight)?.over.find((one) => one.floor === floor)?.perSecond;
    if (measured === undefined) return [];
    const what = `${store}, \`${verb}\` at ${inFlight}, over ${floor}`;
    return [{ what, measured, asked: `≥ ${atLeast} ×`, holds: measured.median >= atLeast }];
  });

  const waits = RATES.filter(({ store, inFlight }) => store === "redis" && inFlight > 1);
  const latencies = waits.flatMap(({ store, floor, verb, inFlight }): Verdict[] => {
    const measured = rowOf(store, verb, inFlight)?.over.find((one) => one.floor === floor)?.p99;
    if (measured === undefined) return [];
    const what = `${store}, p99 of \`${verb}\` at ${inFlight}, over ${floor}`;
    return [{ what, measured, asked: "≤ 1 ×", holds: measured.median <= 1 }];
  });

  const commit = rowOf("sqlite-full", "claim", 1);
  const block = blocks.find(({ subject }: BlockRow) => subject === "sqlite");
  if (commit === undefined || block === undefined) return [...rates, ...latencies];
  const blocked = (["p99Ms", "maxMs"] as const).map((name): Verdict => {
    const one = commit[name].median;
    return {
      what: `sqlite, ${name === "p99Ms" ? "p99" : "longest"} turn of the event loop, ms`,
      measured: block[name],
      asked: `≤ ${one.toFixed(2)} (one commit)`,
      holds: block[name].median <= one,
    };
  });
  return [...rates, ...latencies, ...blocked];
}
