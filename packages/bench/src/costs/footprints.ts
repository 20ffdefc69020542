/** Starts the process that looks at the engine's garbage. */
import { bundle } from "../bundle.js";
import { type Place, Worker } from "../process.js";
import type { Footprint, Order } from "./program.js";

/** Bytes by which a heap without garbage is larger or smaller at times, for reasons of its own. A leak of 30 bytes in each of 10 000 requests is as much. */
export const HEAP_VARIES_BY = 300_000;

export async function footprints(order: Order, place: Place): Promise<Footprint[]> {
  const { costs } = await bundle();
  const worker = Worker.start(place, costs, [], ["--expose-gc"]);
  try {
    return await worker.ask<Footprint[]>(order);
  } finally {
    await worker.stop();
  }
}
