/** Burying as the flow does it: in time, and never at the cost of the event. What fails here, the store's note brings to a worker. */
import { bury, unbury } from "./burial.js";
import type { DeadLetterSink } from "./dead-letter.js";
import type { Emit } from "./events.js";
import type { IdempotencyStore, LetterVersion, OperationId } from "./store.js";
import { sinkCall } from "./store-call.js";
import type { Thresholds } from "./thresholds.js";

export interface Letters {
  /** The letter's id once the sink has confirmed it. Never rejects. */
  push(id: OperationId): Promise<string | undefined>;
  /** Never rejects. */
  remove(id: OperationId, version?: LetterVersion): Promise<void>;
}

export function createLetters(
  store: IdempotencyStore,
  sink: DeadLetterSink | undefined,
  timeoutMs: number,
  emit: Emit,
  thresholds: Thresholds,
): Letters {
  async function withSink<T>(
    id: OperationId,
    call: (sink: DeadLetterSink) => Promise<T>,
  ): Promise<T | undefined> {
    if (sink === undefined) return undefined;
    try {
      return await sinkCall(() => call(sink), timeoutMs);
    } catch (error) {
      emit("sinkError", { ...id, error });
      return undefined;
    }
  }

  return {
    async push(id) {
      const letter = await withSink(id, (to) => bury(store, to, id));
      if (letter !== undefined) await thresholds.check();
      return letter;
    },
    remove: (id, version) =>
      withSink(id, async (from) => {
        const upTo = version ?? (await store.get(id));
        if (upTo !== undefined) await unbury(store, from, id, upTo);
      }),
  };
}
