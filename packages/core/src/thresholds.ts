/** Says when a scope has more dead letters than somebody wants to know of. */
import type { DeadLetterQueue, DeadLetterSink } from "./dead-letter.js";
import type { Emit } from "./events.js";
import type { Settings } from "./options.js";
import { sinkCall } from "./store-call.js";

export interface Thresholds {
  /** Counts, and tells of a threshold that was reached since the last time. Never rejects. */
  check(): Promise<void>;
}

function canCount(sink: DeadLetterSink | undefined): sink is DeadLetterQueue {
  return typeof (sink as Partial<DeadLetterQueue> | undefined)?.count === "function";
}

/** Where nobody listens, nothing is counted. */
export function createThresholds(
  settings: Pick<Settings<never>, "scope" | "deadLetters" | "deadLetterThresholds" | "storeTimeoutMs" | "on">,
  emit: Emit,
): Thresholds {
  const { scope, deadLetters, deadLetterThresholds, storeTimeoutMs, on } = settings;
  if (on?.deadLetterThreshold === undefined || !canCount(deadLetters)) return { check: async () => {} };
  const queue = deadLetters;
  const levels = [...deadLetterThresholds].sort((a, b) => b - a);
  /** The highest level that the last count had reached. */
  let reached = 0;
  let running = Promise.resolve();
  let next: Promise<void> | undefined;

  async function count(): Promise<void> {
    next = undefined;
    try {
      const letters = await sinkCall(() => queue.count({ scope }), storeTimeoutMs);
      const level = levels.find((threshold) => letters >= threshold) ?? 0;
      if (level > reached) emit("deadLetterThreshold", { scope, letters, threshold: level });
      reached = level;
    } catch (error) {
      emit("storeError", { scope, operation: "count", error });
    }
  }

  return {
    check() {
      // Letters that come together are counted together: one count runs, and one more for all that came meanwhile.
      if (next === undefined) {
        next = running.then(count);
        running = next;
      }
      return next;
    },
  };
}
