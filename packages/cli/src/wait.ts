/** Waiting for letters that were put back. */
import { setTimeout as sleep } from "node:timers/promises";
import { type BatchItem, HooklatchError, type OperationId } from "@hooklatch/core";
import type { Context } from "./context.js";
import { harmless } from "./harmless.js";
import { createProgress } from "./progress.js";

const POLL_MS = 200;
const AT_ONCE = 50;
/** Something is due for this long, and nobody takes it. */
const OVERDUE_MS = 15_000;

export interface Waited {
  /** Left the queue. */
  left: BatchItem<string>[];
  failedAgain: BatchItem<string>[];
  /** Neither yet, when it was interrupted. */
  pending: BatchItem<string>[];
}

type Fate = "left" | "failedAgain" | "pending";

/** Until every letter left the queue or failed again, or Ctrl-C. Says once for each scope when nobody seems to work on it. */
export async function waitFor(
  { session, place }: Context<unknown>,
  items: readonly BatchItem<string>[],
): Promise<Waited> {
  const [store, queue] = [await place.store(), await place.deadLetters()];
  const fates: Waited = { left: [], failedAgain: [], pending: [...items] };
  const idle = new Set<string>();
  const progress = createProgress("Done");

  async function fateOf({ id, operation }: BatchItem<string>): Promise<Fate> {
    const { state, dueAt } = (await store.get(operation as OperationId)) ?? { state: undefined };
    if (state === "dead") return "failedAgain";
    if (state === undefined || state === "completed")
      return (await queue.get(id)) === undefined ? "left" : "pending";
    if (state === "waiting" && dueAt !== undefined && Date.now() - dueAt > OVERDUE_MS) {
      const { scope } = operation as OperationId;
      progress.end();
      if (!idle.has(scope))
        session.note(`Nobody takes what is due: is a worker running for scope ${harmless(scope)}?`);
      idle.add(scope);
    }
    return "pending";
  }
  /** A store that does not answer for a moment is asked again. */
  const fateInTime = (item: BatchItem<string>): Promise<Fate> =>
    fateOf(item).catch((error: unknown) => {
      if (HooklatchError.is(error) && error.retryable) return "pending";
      throw error;
    });
  session.finishes();
  try {
    for (;;) {
      const open = fates.pending.splice(0);
      while (open.length > 0) {
        const some = open.splice(0, AT_ONCE);
        if (session.interrupted.aborted) fates.pending.push(...some);
        else
          for (const [n, fate] of (await Promise.all(some.map(fateInTime))).entries())
            fates[fate].push(some[n] as BatchItem<string>);
      }
      if (fates.pending.length === 0 || session.interrupted.aborted) return fates;
      progress.at(items.length - fates.pending.length, items.length);
      await sleep(POLL_MS, undefined, { signal: session.interrupted }).catch(() => {});
    }
  } finally {
    progress.end();
  }
}
