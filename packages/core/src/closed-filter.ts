/** Bulk actions are about the letters that were there when somebody was asked. */
import type { DeadLetterQueue } from "./dead-letter.js";
import type { LetterFilter } from "./letter-walk.js";

/**
 * The filter, closed: whatever arrives once this has resolved is not found by it. The bound is the newest letter's arrival, so that it is by the
 * queue's clock, which is the one that arrivals are told by; that of this machine may be another.
 *
 * @example await discardMany({ store, deadLetters, letters: await closedFilter(deadLetters, { scope: "stripe" }) });
 */
export async function closedFilter(
  queue: Pick<DeadLetterQueue, "list">,
  filter: LetterFilter,
): Promise<LetterFilter> {
  const [newest] = (await queue.list({ ...filter, limit: 1 })).letters;
  if (newest === undefined) return { ...filter, arrivedBefore: 0 };
  // What arrives in the newest one's millisecond still belongs to it: it is over before anything is counted.
  await new Promise<void>((resolve) => setTimeout(resolve, 2));
  return { ...filter, arrivedBefore: (newest.arrivedAt ?? Date.now()) + 1 };
}
