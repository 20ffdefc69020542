/**
 * What a worker does now and then beside its work: forgets expired records, discards letters that are over their queue's limits, and counts
 * those that are left.
 */
import { type DeadLetterQueue, hasLimits, operationOf } from "./dead-letter.js";
import { forgetOperation } from "./discard.js";
import type { Emit } from "./events.js";
import type { Settings } from "./options.js";
import type { IdempotencyStore } from "./store.js";
import { createStoreCall, sinkCall } from "./store-call.js";
import type { Thresholds } from "./thresholds.js";

const PURGE_LIMIT = 200;
const PURGE_BATCHES = 50;
/** Discarded at once; each letter comes with its event. */
const DISCARD_LIMIT = 20;
/** The most ids that a queue is asked for. */
const LARGEST_LIMIT = 1_000;

/** Goes on, batch after batch, as long as `going()` says so and there is something to do. Never rejects. */
export function createUpkeep(
  settings: Pick<Settings<never>, "store" | "scope" | "deadLetters" | "storeTimeoutMs">,
  emit: Emit,
  thresholds?: Thresholds,
): (going: () => boolean) => Promise<void> {
  const { store, scope, deadLetters, storeTimeoutMs } = settings;
  const callStore = createStoreCall(storeTimeoutMs);
  const callQueue = <T>(call: () => Promise<T>): Promise<T> => sinkCall(call, storeTimeoutMs);
  const storeError = (operation: string, error: unknown): void =>
    emit("storeError", { scope, operation, error });
  const resending: Pick<IdempotencyStore, "discard" | "get"> = {
    discard: (request) => callStore(() => store.discard(request)),
    get: (id) => callStore(() => store.get(id)),
  };
  /** Letters that had to stay, or could not go, in this round: what comes behind them has its turn, too. */
  const left = new Set<string>();

  async function purge(going: () => boolean): Promise<void> {
    try {
      for (let batch = 0; batch < PURGE_BATCHES && going(); batch++) {
        const purged = await callStore(async () => (await store.purge?.({ limit: PURGE_LIMIT })) ?? 0);
        if (purged < PURGE_LIMIT) return;
      }
    } catch (error) {
      storeError("purge", error);
    }
  }

  async function discardExpired(queue: Required<DeadLetterQueue>, going: () => boolean): Promise<void> {
    try {
      while (going()) {
        const limit = Math.min(DISCARD_LIMIT + left.size, LARGEST_LIMIT);
        const ids = (await callQueue(() => queue.expired({ scope, limit }))).filter((id) => !left.has(id));
        const ends = await Promise.all(ids.map((id) => discard(queue, id)));
        ids.forEach((id, n) => {
          if (ends[n] !== "discarded") left.add(id);
        });
        if (ids.length < DISCARD_LIMIT) {
          left.clear();
          return;
        }
        // Probably one of the two systems is down. The next time begins behind these.
        if (ends.every((end) => end === "failed")) return;
      }
    } catch (error) {
      storeError("expired", error);
    }
  }

  /** `discard` of the public API, with each failure told to whoever listens for it. Never rejects. */
  async function discard(
    queue: Required<DeadLetterQueue>,
    id: string,
  ): Promise<"discarded" | "left" | "failed"> {
    let failed = (error: unknown): void => storeError("expired", error);
    try {
      const letter = await callQueue(() => queue.get(id));
      if (letter === undefined) return "left";
      const operation = operationOf(letter);
      failed = (error) => storeError("discard", error);
      if (!(await forgetOperation(resending, letter))) return "left";
      failed = (error) => emit("sinkError", { ...operation, error });
      await callQueue(() => queue.remove(id, letter));
      emit("letterExpired", { ...operation, deadLetterId: id });
      failed = (error) => storeError("settle", error);
      const { bornAt, token } = letter;
      await callStore(() => store.settle({ id: operation, bornAt, token, letter: "removed" }));
      return "discarded";
    } catch (error) {
      failed(error);
      return "failed";
    }
  }

  return async (going) => {
    if (store.purge !== undefined) await purge(going);
    if (hasLimits(deadLetters)) await discardExpired(deadLetters, going);
    // Also what other processes buried, or removed.
    if (going()) await thresholds?.check();
  };
}
