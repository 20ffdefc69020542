/** A process that imports something and says how long each import took. */
import { performance } from "node:perf_hooks";

export interface Order {
  /** URLs or names, in the order in which an app imports them: a framework, the core, what is between them. */
  modules: readonly string[];
}

export interface Timings {
  /** Of `node:http`, which every server has, before the others. */
  httpMs: number;
  /** Of each of `modules`, without those before it. */
  ms: number[];
}

async function timed(load: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await load();
  return performance.now() - before;
}

async function carryOut({ modules }: Order): Promise<Timings> {
  const httpMs = await timed(() => import("node:http"));
  const ms: number[] = [];
  for (const module of modules) ms.push(await timed(() => import(module)));
  return { httpMs, ms };
}

process.on("message", (order: Order) => {
  carryOut(order).then(
    (result) => process.send?.(result),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  );
});
process.on("disconnect", () => process.exit(0));
