/** What the engine asks of a store for a request, counted where the store asks its driver. */
import type { IdempotencyStore } from "@hooklatch/core";
import { type EngineName, engineOn } from "./engines.js";

/** How often each command, or each kind of statement, was sent. */
export type Counts = Readonly<Record<string, number>>;

/** A store of its own that nobody else uses, and somebody who counts. */
export interface Meter {
  store: IdempotencyStore;
  during(act: () => Promise<unknown>): Promise<Counts>;
  stop(): Promise<void>;
}

/** For each: one request after the other, and `AT_ONCE` that arrive together. */
export interface Calls {
  engine: EngineName;
  new: { oneByOne: Counts; atOnce: Counts };
  duplicate: { oneByOne: Counts; atOnce: Counts };
}

export const ONE_BY_ONE = 20;
export const AT_ONCE = 64;

export async function callsOf(meter: Meter, name: EngineName): Promise<Calls> {
  const engine = engineOn(name, meter.store);
  const oneByOne = async (prefix: string) => {
    for (let n = 0; n < ONE_BY_ONE; n++) await engine.send(`${prefix}:${n}`);
  };
  const atOnce = (prefix: string) =>
    Promise.all(Array.from({ length: AT_ONCE }, (_, n) => engine.send(`${prefix}:${n}`)));
  const counted = async (runs: number, act: () => Promise<unknown>) => {
    const before = engine.runs;
    const counts = await meter.during(act);
    if (engine.runs - before !== runs) throw new Error("Other requests ran than were to be counted.");
    return counts;
  };
  try {
    // Scripts and statements are known from now on, and the first upkeep is over.
    for (const _ of [1, 2]) await atOnce("warm");
    await oneByOne("warm");
    return {
      engine: name,
      new: {
        oneByOne: await counted(ONE_BY_ONE, () => oneByOne("one")),
        atOnce: await counted(AT_ONCE, () => atOnce("many")),
      },
      duplicate: {
        oneByOne: await counted(0, () => oneByOne("one")),
        atOnce: await counted(0, () => atOnce("many")),
      },
    };
  } finally {
    await engine.close();
  }
}
