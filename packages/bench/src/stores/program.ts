/** A process in which one store, or its floor, is asked by itself. */
import { closedLoop, type Sample } from "./closed-loop.js";
import { OPEN } from "./open.js";
import { KIB, payloadOf, type Subject } from "./subject.js";
import type { SubjectName, Verb } from "./subjects.js";
import { type Block, turnsDuring } from "./turns.js";

export interface Order {
  /** New: nothing is there yet. */
  address: string;
  inFlight: number;
  /** For each verb. */
  ms: number;
  /** Look at the event loop instead. */
  turns: boolean;
}

export type Timings = Record<Verb, Sample>;

/** So that files have their size, scripts are known and code is compiled before anything is measured. */
const WARM_UP = { calls: 300, inFlight: 64 };

const open = OPEN[process.argv[2] as SubjectName];
const payload = payloadOf(KIB, KIB);

async function carryOut({ address, inFlight, ms, turns }: Order): Promise<Timings | Block> {
  const opened: Subject = await open(address, payload);
  const pair = async (n: number) => {
    await opened.claim(n);
    await opened.complete(n);
  };
  try {
    const warmed = WARM_UP.calls;
    await closedLoop({ inFlight: WARM_UP.inFlight, ms: Number.POSITIVE_INFINITY, limit: warmed }, pair);
    if (turns) return await turnsDuring(() => closedLoop({ inFlight, ms, from: warmed }, pair));

    const claim = await closedLoop({ inFlight, ms, from: warmed }, opened.claim);
    const complete = await closedLoop({ inFlight, ms, limit: claim.calls, from: warmed }, opened.complete);
    const completed = warmed + complete.calls;
    const duplicate = await closedLoop({ inFlight, ms }, (n) => opened.duplicate(n % completed));
    const paired = await closedLoop({ inFlight, ms, from: warmed + claim.calls }, pair);
    return { claim, complete, duplicate, pair: paired };
  } finally {
    await opened.close();
  }
}

process.on("message", (order: Order) => {
  carryOut(order).then(
    (result) => process.send?.(result),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  );
});
process.on("disconnect", () => process.exit(0));
