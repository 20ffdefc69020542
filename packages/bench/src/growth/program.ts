/** A process in which one kind of store is asked: several of them at once, so that the same code, equally warm, is asked of each. */
import { closedLoop, type Sample } from "../stores/closed-loop.js";
import { OPEN } from "../stores/open.js";
import { payloadOf, type Subject } from "../stores/subject.js";
import type { SubjectName } from "../stores/subjects.js";
import { copyRecords } from "./sqlite-copies.js";

export type Order =
  | { do: "open"; address: string; eventBytes: number; resultBytes: number }
  /** New keys, from a number on, until so many are done or so much time has passed. */
  | { do: "pairs"; store: number; from: number; inFlight: number; ms: number; limit: number }
  /** Of the first `among` keys, all over. */
  | { do: "duplicates"; store: number; among: number; inFlight: number; ms: number; limit: number }
  /** The record of key 0 once more, under the keys from one number to another. */
  | { do: "copy"; address: string; from: number; to: number }
  | { do: "close"; store: number };

export interface Opened {
  store: number;
}

/** Coprime with every number of records here. */
const STRIDE = 7_919_317;

const open = OPEN[process.argv[2] as SubjectName];
const subjects: Subject[] = [];

async function carryOut(order: Order): Promise<Sample | Opened> {
  switch (order.do) {
    case "open": {
      const payload = payloadOf(order.eventBytes, order.resultBytes);
      return { store: subjects.push(await open(order.address, payload)) - 1 };
    }
    case "pairs": {
      const subject = subjectOf(order.store);
      return closedLoop(order, async (n) => {
        await subject.claim(n);
        await subject.complete(n);
      });
    }
    case "duplicates": {
      const subject = subjectOf(order.store);
      return closedLoop(order, (n) => subject.duplicate((n * STRIDE) % order.among));
    }
    case "copy":
      copyRecords(order.address, order.from, order.to);
      return { store: -1 };
    case "close":
      await subjectOf(order.store).close();
      return { store: order.store };
  }
}

function subjectOf(store: number): Subject {
  const found = subjects[store];
  if (found === undefined) throw new Error(`There is no store ${store}.`);
  return found;
}

process.on("message", (order: Order) => {
  carryOut(order).then(
    (result) => process.send?.(result),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  );
});
process.on("disconnect", () => process.exit(0));
