/** After `close`: no verb pretends to work, and other connections do. */
import assert from "node:assert/strict";
import { claim, due, ERROR, EVENT, LONG, newOwner, RESULT, record, rejectsWith, take } from "./acts.js";
import type { DeadLetterCases, StoreCases } from "./case.js";
import { letter } from "./letters.js";

async function close(connection: { close?(): Promise<void> }): Promise<void> {
  assert.ok(connection.close, 'There is no close(): say `without: ["close"]`.');
  await connection.close();
}

export const closingCases: StoreCases = {
  "close: afterwards every verb is rejected as store_closed (§7)": async (t) => {
    const store = await t.open();
    const held = await take(store, t.id());
    const { id } = held;
    await close(store);
    const calls: Record<string, () => Promise<unknown>> = {
      claim: () => claim(store, id),
      extend: () => store.extend({ ...held, leaseMs: LONG }),
      complete: () => store.complete({ ...held, result: RESULT, retentionMs: LONG }),
      retry: () => store.retry({ ...held, delayMs: 0 }),
      fail: () => store.fail({ ...held, error: ERROR, letter: true }),
      settle: () => store.settle({ id, bornAt: 1, token: held.token, letter: "pushed" }),
      discard: () => store.discard({ id, bornAt: 1, token: held.token }),
      outrank: () => store.outrank({ id, bornAt: 1, token: held.token, other: 1 }),
      release: () => store.release({ ...held, retentionMs: LONG }),
      schedule: () => store.schedule({ id, replayId: newOwner(), event: EVENT, delayMs: 0 }),
      claimDue: () => due(store, t.scope),
      get: () => store.get(id),
      delete: () => store.delete(id),
      stats: () => store.stats(t.scope),
      ...(store.scopes ? { scopes: async () => store.scopes?.() } : {}),
      ...(store.purge ? { purge: async () => store.purge?.({ limit: 1 }) } : {}),
    };
    for (const [verb, call] of Object.entries(calls)) await rejectsWith("store_closed", call, verb);
  },
  "close: twice is fine (§7)": async (t) => {
    const store = await t.open();
    await close(store);
    await close(store);
  },
};

export const secondConnectionCases: StoreCases = {
  "close: other connections go on, and so do the operations (§7)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const held = await take(store, t.id());
    await close(store);
    assert.equal((await record(other, held.id)).state, "running");
    assert.equal(await other.complete({ ...held, result: RESULT, retentionMs: LONG }), true);
    assert.equal((await claim(await t.open(), held.id)).status, "completed");
    await rejectsWith("store_closed", () => store.get(held.id), "get");
  },
};

export const closedQueueCases: DeadLetterCases = {
  "close: afterwards every verb is rejected as store_closed (§7)": async (t) => {
    const queue = await t.open();
    const one = letter(t);
    await queue.push(one);
    await close(queue);
    const calls: Record<string, () => Promise<unknown>> = {
      push: () => queue.push(one),
      list: () => queue.list({ scope: t.scope }),
      get: () => queue.get(one.id),
      remove: () => queue.remove(one.id),
      count: () => queue.count({ scope: t.scope }),
      ...(queue.expired ? { expired: async () => queue.expired?.({ scope: t.scope, limit: 1 }) } : {}),
    };
    for (const [verb, call] of Object.entries(calls)) await rejectsWith("store_closed", call, verb);
  },
  "close: twice is fine (§7)": async (t) => {
    const queue = await t.open();
    await close(queue);
    await close(queue);
  },
};

export const secondQueueConnectionCases: DeadLetterCases = {
  "close: other connections go on, and so do the letters (§7)": async (t) => {
    const [queue, other] = [await t.open(), await t.open()];
    const one = letter(t);
    await queue.push(one);
    await close(queue);
    assert.equal((await other.get(one.id))?.key, one.key);
    await other.push(letter(t));
    assert.equal(await other.count({ scope: t.scope }), 2);
  },
};
