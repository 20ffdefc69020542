/** How a dead-letter queue is broken in one way: one of its parts is another one. */
import type { DeadLetterLimits, DeadLetterQueue } from "@hooklatch/core";
import { type Parts, plainQueue } from "./plain-queue.js";

export interface QueueMutant {
  flaw: string;
  /** The beginning of the names of the cases that must fail; others may fail too. */
  caughtBy: readonly string[];
  open(limits?: DeadLetterLimits): DeadLetterQueue;
}

export function replacing(flaw: string, caughtBy: string, replaced: Partial<Parts>): QueueMutant {
  return { flaw, caughtBy: [caughtBy], open: (limits) => plainQueue(limits, replaced) };
}
