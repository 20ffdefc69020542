/** Several processes on one file, and on one server. */
import { type Figure, figureOf, interleave, ratioOf } from "../figures.js";
import type { PartOptions } from "../part.js";
import { KIB } from "../stores/subject.js";
import { type Asked, NO_LIMIT, type Rig } from "./rig.js";

export interface ProcessesResult {
  store: "sqlite" | "redis";
  processes: number;
  /** Claims with their completions, of all processes together. */
  perSecond: Figure;
  /** Over that of one process, round by round. */
  overOne: Figure;
  /** Of the process that had the longest. */
  p99Ms: Figure;
  maxMs: Figure;
}

const PROCESSES = [1, 2, 4, 8] as const;
const IN_FLIGHT = 16;
const MS = 800;
const WARM_UP = 500;
/** Far enough apart for each process to have keys of its own. */
const KEYS_EACH = 10_000_000;

interface Sample {
  perSecond: number;
  p99Ms: number;
  maxMs: number;
}

export async function measureProcesses(
  rig: Rig,
  { rounds, share, log }: PartOptions,
): Promise<ProcessesResult[]> {
  const results: ProcessesResult[] = [];
  for (const name of ["sqlite", "redis"] as const) {
    log(`growth: processes on one ${name}`);
    const home = await rig.home(name, false);
    const all: { asked: Asked; store: number; next: number }[] = [];
    for (let i = 0; i < Math.max(...PROCESSES); i++) {
      const asked = rig.start(name, "anywhere");
      const one = { asked, store: await asked.open(home, KIB, KIB), next: i * KEYS_EACH };
      all.push(one);
      await run([one], NO_LIMIT, WARM_UP);
    }

    const samples = await interleave(PROCESSES, rounds, (count) =>
      run(all.slice(0, count), share * MS, NO_LIMIT),
    );
    const list = (count: number, figure: keyof Sample) =>
      (samples.get(count as 1) ?? []).map((sample) => sample[figure]);
    for (const processes of PROCESSES) {
      const result: ProcessesResult = {
        store: name,
        processes,
        perSecond: figureOf(list(processes, "perSecond")),
        overOne: ratioOf(list(processes, "perSecond"), list(1, "perSecond")),
        p99Ms: figureOf(list(processes, "p99Ms")),
        maxMs: figureOf(list(processes, "maxMs")),
      };
      results.push(result);
      log(
        `  ${name} ${processes}: ${result.perSecond.median.toFixed(0)}/s × ${result.overOne.median.toFixed(2)} ` +
          `(${result.overOne.low.toFixed(2)}–${result.overOne.high.toFixed(2)}), p99 ${result.p99Ms.median.toFixed(1)} max ${result.maxMs.median.toFixed(1)} ms`,
      );
    }
    await Promise.all(all.map(({ asked }) => asked.stop()));
  }
  return results;
}

async function run(
  some: readonly { asked: Asked; store: number; next: number }[],
  ms: number,
  limit: number,
): Promise<Sample> {
  const samples = await Promise.all(
    some.map(async (one) => {
      const order = { do: "pairs", store: one.store, inFlight: IN_FLIGHT, ms, limit } as const;
      const sample = await one.asked.ask({ ...order, from: one.next });
      one.next += sample.calls;
      return sample;
    }),
  );
  return {
    perSecond: samples.reduce((sum, { perSecond }) => sum + perSecond, 0),
    p99Ms: Math.max(...samples.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...samples.map(({ maxMs }) => maxMs)),
  };
}
