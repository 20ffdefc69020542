/** A process in which the engine runs on a store that keeps nothing, to see what its operations leave to the garbage collector. */
import { setImmediate as turn } from "node:timers/promises";
import { allocatedBy } from "./allocation.js";
import { emptyStore } from "./empty-store.js";
import { ENGINES, type EngineName, engineOn, requestOf } from "./engines.js";
import { timersMadeBy } from "./timers.js";

export interface Order {
  /** Of each measurement. */
  operations: number;
}

/** Of one kind of request. */
export interface Footprint {
  engine: EngineName;
  duplicate: boolean;
  /** Of the JavaScript heap, per request, without the request itself. */
  bytes: number;
  /** Made by all of `operations`. */
  timers: number;
  operations: number;
  /** What the heap has more after ten times as many, when the garbage is gone. */
  grownBytes: number;
}

const AT_ONCE = 64;
const WARM_UP = 3_000;

let keys = 0;
const nextKey = () => `8f14e45f-ceea-467f-a0e6-${String(keys++).padStart(12, "0")}`;

async function manyOf(count: number, send: (key: string) => unknown): Promise<void> {
  for (let left = count; left > 0; left -= AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, left) }, () => send(nextKey())));
    await turn();
  }
}

async function oneByOne(count: number, send: (key: string) => unknown): Promise<void> {
  for (let left = count; left > 0; left--) {
    await send(nextKey());
    await turn();
  }
}

async function footprintOf(name: EngineName, duplicate: boolean, operations: number): Promise<Footprint> {
  const store = emptyStore();
  const engine = engineOn(name, store);
  await engine.send(nextKey());
  store.duplicates = duplicate;
  await manyOf(WARM_UP, engine.send);
  const alone = await allocatedBy(() => manyOf(operations, async (key) => requestOf(key)));
  const all = await allocatedBy(() => manyOf(operations, engine.send));
  const timers = await timersMadeBy(() => oneByOne(operations, engine.send));
  const before = heapUsed();
  await manyOf(10 * operations, engine.send);
  const grownBytes = heapUsed() - before;
  if (engine.runs !== (duplicate ? 1 : 1 + WARM_UP + 12 * operations)) {
    throw new Error("Other requests ran than were to be measured.");
  }
  await engine.close();
  return { engine: name, duplicate, bytes: (all - alone) / operations, timers, operations, grownBytes };
}

/** Twice, because the first leaves what has a finalizer. */
function heapUsed(): number {
  if (globalThis.gc === undefined) throw new Error("Start it with --expose-gc.");
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

async function carryOut({ operations }: Order): Promise<Footprint[]> {
  const footprints: Footprint[] = [];
  for (const name of ENGINES) {
    for (const duplicate of [false, true]) footprints.push(await footprintOf(name, duplicate, operations));
  }
  return footprints;
}

process.on("message", (order: Order) => {
  carryOut(order).then(
    (result) => process.send?.(result),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  );
});
process.on("disconnect", () => process.exit(0));
