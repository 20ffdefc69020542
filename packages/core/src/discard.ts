/** Giving a dead letter up: letter and operation go together. */
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

/** `discard`, of a letter that was read already. */
export async function discardLetter(
  letter: DeadLetter,
  { store, deadLetters }: Pick<DiscardOptions, "store" | "deadLetters">,
): Promise<{ status: "discarded" | "running" }> {
  // The operation first: a crash in between leaves a letter that can be discarded again, never an operation without its letter.
  if (!(await forgetOperation(store, letter))) return { status: "running" };
  await deadLetters.remove(letter.id, letter);
  return { status: "discarded" };
}

/** The first half of discarding: `false` if the operation was put back to work or delivered again meanwhile, and the letter must stay. */
export async function forgetOperation(
  store: Pick<IdempotencyStore, "delete" | "get">,
  letter: DeadLetter,
): Promise<boolean> {
  const operation = operationOf(letter);
  if (await store.delete(operation, letter.token)) return true;
  const record = await store.get(operation);
  return record === undefined || record.state === "completed";
}
