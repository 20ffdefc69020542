/** Bulk actions are about the letters that were there when somebody was asked. */
import { setTimeout as sleep } from "node:timers/promises";
import type { DeadLetterQueue, LetterFilter } from "@hooklatch/core";

/**
 * The filter, closed: whatever arrives once this has resolved is not found by it. The bound is the newest letter's arrival, so that it is by the
 * queue's clock, which is the one that arrivals are told by; that of this machine may be another.
 */
export async function closed(queue: DeadLetterQueue, filter: LetterFilter): Promise<LetterFilter> {
  const { letters } = await queue.list({ ...filter, limit: 1 });
  const [newest] = letters;
  if (newest === undefined) return { ...filter, arrivedBefore: 0 };
  // What arrives in the newest one's millisecond still belongs to it: it is over before anything is counted.
  await sleep(2);
  return { ...filter, arrivedBefore: (newest.arrivedAt ?? Date.now()) + 1 };
}
