/** Every verb of a store and of a queue, on operations and letters that are not there: whatever becomes of a call, it harms nothing. */
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import { expect } from "vitest";
import { claimOf, completionOf, letterOf } from "./requests.js";

let calls = 0;

type Verbs = Record<string, () => Promise<unknown>>;

export function storeVerbs(store: IdempotencyStore): Verbs {
  const key = `of call ${++calls}`;
  const id = { scope: "s", key: "nobody" };
  const held = { id, owner: "nobody", token: 1 };
  const event = Buffer.of(1);
  return {
    claim: () => store.claim(claimOf(key)),
    extend: () => store.extend({ ...held, leaseMs: 1_000 }),
    complete: () => store.complete(completionOf(held)),
    retry: () => store.retry({ ...held, delayMs: 0 }),
    fail: () => store.fail({ ...held, error: { name: "Error", message: "no" }, letter: false }),
    release: () => store.release({ ...held, retentionMs: 1 }),
    settle: () => store.settle({ id, bornAt: 1, token: 1, letter: "pushed" }),
    discard: () => store.discard({ id, bornAt: 1, token: 1 }),
    outrank: () => store.outrank({ id, bornAt: 1, token: 1, other: 1 }),
    schedule: () =>
      store.schedule({ id: { scope: "scheduled", key }, replayId: "r", delayMs: 60_000, event }),
    claimDue: () => store.claimDue({ scopes: ["no such scope"], owner: key, leaseMs: 1_000, limit: 1 }),
    get: () => store.get(id),
    delete: () => store.delete(id),
    stats: () => store.stats(),
    scopes: async () => store.scopes?.(),
    describe: async () => store.describe?.(),
  };
}

export function letterVerbs(letters: DeadLetterQueue): Verbs {
  const key = `of call ${++calls}`;
  return {
    push: () => letters.push(letterOf(key)),
    list: () => letters.list(),
    getLetter: () => letters.get("nobody"),
    remove: () => letters.remove("nobody"),
    count: () => letters.count(),
    find: () => letters.list({ errorText: "nothing" }),
    expired: async () => letters.expired?.({ scope: "s", limit: 1 }),
  };
}

const SLACK_MS = 1_000;

/** All of them at once: each must reject, with a coded error that is worth another try, in time. */
export async function expectFailures(
  verbs: Verbs,
  codes: readonly string[],
  withinMs: number,
): Promise<void> {
  const from = performance.now();
  const outcomes = await Promise.allSettled(
    Object.values(verbs).map(async (call) => {
      try {
        return { answered: await call() };
      } catch (error) {
        const { code, retryable } = error as { code: string; retryable: boolean };
        return { code: codes.includes(code) ? "expected" : code, retryable };
      } finally {
        expect(performance.now() - from).toBeLessThan(withinMs + SLACK_MS);
      }
    }),
  );
  const expected = { status: "fulfilled", value: { code: "expected", retryable: true } };
  const named = (all: unknown[]) => Object.fromEntries(Object.keys(verbs).map((name, n) => [name, all[n]]));
  expect(named(outcomes)).toEqual(named(outcomes.map(() => expected)));
}

export async function expectAnswers(verbs: Verbs): Promise<void> {
  await Promise.all(Object.values(verbs).map((call) => call()));
}
