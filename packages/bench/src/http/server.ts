/** A process that serves one contender, and says what it has used. Started by `fleet.ts`. */
import { ENTRIES } from "./contenders.js";
import { type Framework, receiptFor, type StoreKind } from "./task.js";

export interface Usage {
  /** User and system time of the whole process, its garbage collector's threads included, in µs. */
  cpuUs: number;
  /** How often the route has run. */
  executions: number;
  heapBytes: number;
}

const [name = "", framework, store, address = ""] = process.argv.slice(2);
let executions = 0;
const entry = ENTRIES[name];
if (entry === undefined) throw new Error(`There is no contender ${name}.`);

const serving = await entry.contender({
  framework: framework as Framework,
  store: store as StoreKind,
  address,
  execute(order) {
    executions++;
    return receiptFor(order);
  },
});

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, executions, heapBytes: process.memoryUsage().heapUsed };
}

process.on("message", (message) => {
  if (message === "usage") process.send?.(usage());
  if (message === "collect") {
    (globalThis as { gc?: () => void }).gc?.();
    process.send?.(usage());
  }
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: serving.port });
