/**
 * Giving a dead letter up: letter and operation go together. An outbox, as burying is: the operation goes first, leaving a note to remove its
 * letter, which any worker finishes.
 */
import { unbury } from "./burial.js";
import { type DeadLetter, type DeadLetterQueue, operationOf } from "./dead-letter.js";
import type { IdempotencyStore } from "./store.js";

export interface DiscardOptions {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  id: string;
}

/** `running`: it was put back to work or delivered again meanwhile, nothing was removed. */
export type Discarded = { status: "discarded" | "running" | "not_found" };

/** Gives a dead letter up: removes the operation and its letter. A later delivery of the same event is then a new operation. */
export async function discard(options: DiscardOptions): Promise<Discarded> {
  const letter = await options.deadLetters.get(options.id);
  return letter === undefined ? { status: "not_found" } : discardLetter(letter, options);
}

/** `discard`, of a letter that was read already: of this very version, and `running` if its operation moved on since. */
export async function discardLetter(
  letter: DeadLetter,
  { store, deadLetters }: Pick<DiscardOptions, "store" | "deadLetters">,
): Promise<{ status: "discarded" | "running" }> {
  if (!(await forgetOperation(store, letter))) return { status: "running" };
  await unbury(store, deadLetters, operationOf(letter), letter);
  return { status: "discarded" };
}

/** The first half of discarding: `false` if the operation was put back to work or delivered again meanwhile, and the letter must stay. */
export async function forgetOperation(
  store: Pick<IdempotencyStore, "discard" | "get">,
  letter: DeadLetter,
): Promise<boolean> {
  const id = operationOf(letter);
  if (await store.discard({ id, bornAt: letter.bornAt, token: letter.token })) return true;
  const record = await store.get(id);
  return record === undefined || record.state === "completed" || record.letter === "remove";
}
