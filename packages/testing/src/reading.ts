/** What people see: `get` and `stats`. */
import assert from "node:assert/strict";
import {
  die,
  due,
  ERROR,
  EVENT,
  ended,
  finish,
  has,
  LONG,
  NO_EVENT,
  near,
  newOwner,
  record,
  settle,
  take,
  wait,
} from "./acts.js";
import type { StoreCases } from "./case.js";

export const readingCases: StoreCases = {
  "get: of an unknown operation there is nothing (§7)": async (t) => {
    const store = await t.open();
    assert.equal(await store.get(t.id()), undefined);
  },
  "get: shows the whole operation, and changes nothing (§7)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const held = await take(store, t.id({ tenant: "a tenant" }), { fingerprint: "a" });
    const running = await record(other, held.id);
    has(running, {
      id: held.id,
      state: "running",
      owner: held.owner,
      token: 1,
      attempt: 1,
      round: 1,
      fingerprint: "a",
      event: new Uint8Array(running.event ?? []),
      attempts: [],
      letter: "none",
    });
    assert.deepEqual([...(running.event ?? [])], [...EVENT]);
    near((running.leaseUntil ?? 0) - running.bornAt, LONG, "leaseUntil - bornAt");
    assert.deepEqual(await record(store, held.id), await record(store, held.id));

    await store.retry({ ...held, delayMs: LONG, ended: ended(1) });
    const waiting = await record(store, held.id);
    has(waiting, { state: "waiting", bornAt: running.bornAt, fingerprint: "a", token: 1, attempt: 1 });
    assert.equal((waiting.dueAt ?? 0) - waiting.changedAt, LONG);
    assert.ok(waiting.changedAt >= running.changedAt);
  },
  "get: shows why an operation died, and who put it back to work (§7)": async (t) => {
    const store = await t.open();
    const error = { ...ERROR, code: "E_CODE", stack: "Error: it failed\n    at here" };
    const held = await take(store, t.id());
    await store.fail({ ...held, error, letter: true });
    const dead = await record(store, held.id);
    has(dead, { state: "dead", letter: "push" });
    has(dead.error as object, error);
    const replayId = newOwner();
    await store.schedule({ id: held.id, replayId, delayMs: 0 });
    has(await record(store, held.id), { state: "waiting", replayId, bornAt: dead.bornAt });
  },
  "get: shows how long a completion is kept (§7)": async (t) => {
    const store = await t.open();
    const { id } = await finish(store, t.id(), { retentionMs: 90_000 });
    const found = await record(store, id);
    assert.equal((found.expiresAt ?? 0) - found.changedAt, 90_000);
  },
  "stats: counts each state, of one scope and of all (§7)": async (t) => {
    const store = await t.open();
    const scopes = [t.scope, `${t.scope}2`] as const;
    for (const [n, scope] of scopes.entries()) {
      for (let more = 0; more <= n; more++) {
        await take(store, t.id({ scope }));
        await wait(store, t.id({ scope }), { delayMs: LONG });
        await finish(store, t.id({ scope }));
        await die(store, t.id({ scope }), { letter: false });
        await store.release({ ...(await take(store, t.id({ scope }), NO_EVENT)), retentionMs: LONG });
      }
    }
    const each = (count: number) => ({
      running: count,
      waiting: count,
      completed: count,
      dead: count,
      released: count,
    });
    has(await store.stats(scopes[0]), { ...each(1), unsettled: 0 });
    has(await store.stats(scopes[1]), { ...each(2), unsettled: 0 });
    const all = await store.stats();
    for (const state of ["running", "waiting", "completed", "dead", "released"] as const) {
      assert.ok(all[state] >= 3, `${state}: ${all[state]} in all`);
    }
    has(await store.stats(`${t.scope}3`), { ...each(0), unsettled: 0, oldestWaitingAt: undefined });
  },
  "stats: follows every transition (§7)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const states = async (): Promise<unknown> => {
      const { running, waiting, completed, dead, released } = await store.stats(t.scope);
      return { running, waiting, completed, dead, released };
    };
    const none = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0 };
    await wait(store, id);
    assert.deepEqual(await states(), { ...none, waiting: 1 });
    await due(store, t.scope);
    assert.deepEqual(await states(), { ...none, running: 1 });
    await store.schedule({ id, replayId: newOwner(), delayMs: 0, force: true });
    assert.deepEqual(await states(), { ...none, waiting: 1 });
    await die(store, id, { letter: false });
    assert.deepEqual(await states(), { ...none, dead: 1 });
    await finish(store, id);
    assert.deepEqual(await states(), { ...none, completed: 1 });
    await store.delete(id);
    assert.deepEqual(await states(), none);
  },
  "stats: counts the letters that are not settled (§3 burying)": async (t) => {
    const store = await t.open();
    const dead = await die(store, t.id());
    await die(store, t.id(), { letter: false });
    assert.equal((await store.stats(t.scope)).unsettled, 1);
    await due(store, t.scope);
    assert.equal((await store.stats(t.scope)).unsettled, 1, "handed out is not settled");
    await settle(store, { id: dead.id, token: dead.token, letter: "pushed" });
    assert.equal((await store.stats(t.scope)).unsettled, 0);
    const done = await finish(store, dead.id);
    assert.equal((await store.stats(t.scope)).unsettled, 1);
    await settle(store, { id: done.id, token: done.token, letter: "removed" });
    assert.equal((await store.stats(t.scope)).unsettled, 0);
  },
  "stats: says since when the oldest waiting operation is due (§7)": async (t) => {
    const store = await t.open();
    assert.equal((await store.stats(t.scope)).oldestWaitingAt, undefined);
    const first = await wait(store, t.id());
    await t.pass(5);
    const second = await wait(store, t.id());
    const [a, b] = [await record(store, first.id), await record(store, second.id)];
    assert.equal((await store.stats(t.scope)).oldestWaitingAt, a.dueAt);
    await store.delete(first.id);
    assert.equal((await store.stats(t.scope)).oldestWaitingAt, b.dueAt);
    await take(store, second.id);
    assert.equal((await store.stats(t.scope)).oldestWaitingAt, undefined);
  },
};
