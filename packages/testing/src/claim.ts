/** The claim: one winner, and every row of the table in §3. */
import assert from "node:assert/strict";
import type { Claim, IdempotencyStore, OperationId } from "@hooklatch/core";
import {
  bytes,
  claim,
  die,
  ERROR,
  finish,
  has,
  LONG,
  NO_EVENT,
  near,
  newOwner,
  RESULT,
  record,
  SHORT,
  sameBytes,
  snapshot,
  take,
  wait,
} from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";

export const claimCases: StoreCases = {
  "claim: of 32 callers on 4 connections one wins, the others see it running (§3 rule 1)": async (t) => {
    const stores = await Promise.all([t.open(), t.open(), t.open(), t.open()]);
    const ids = [t.id(), t.id(), t.id()];
    await Promise.all(
      ids.map(async (id) => {
        const callers = Array.from({ length: 32 }, (_, n) => claim(stores[n % 4] as IdempotencyStore, id));
        const answers = (await Promise.all(callers)).map((answer) => answer.status);
        assert.deepEqual(answers.sort(), ["claimed", ...Array<string>(31).fill("running")]);
      }),
    );
  },
  "claim: an absent operation is claimed with token 1 and attempt 1 (§3 table)": async (t) => {
    const store = await t.open();
    const answer = await claim(store, t.id());
    has(answer, { status: "claimed", token: 1, attempt: 1, recovered: false, replay: false, letter: false });
  },
  "claim: resent by its owner, it gives the same token and attempt (§3 table)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const id = t.id();
    const owner = newOwner();
    const first = await claim(store, id, { owner });
    assert.deepEqual(await claim(other, id, { owner }), first);
    assert.equal((await claim(store, id)).status, "running");
    await store.retry({ id, owner, token: 1, delayMs: 0 });
    const second = newOwner();
    has(await claim(store, id, { owner: second }), { status: "claimed", token: 2, attempt: 2 });
    has(await claim(store, id, { owner: second }), { status: "claimed", token: 2, attempt: 2 });
  },
  "claim: resent, it says again whether it recovered the operation (§3 rule 2)": async (t) => {
    const store = await t.open();
    const [waiting, abandoned] = [t.id(), t.id()];
    await wait(store, waiting);
    await take(store, abandoned, { leaseMs: SHORT });
    await t.pass(SHORT);
    for (const [id, recovered] of [
      [waiting, false],
      [abandoned, true],
    ] as const) {
      const owner = newOwner();
      has(await claim(store, id, { owner }), { status: "claimed", attempt: 2, recovered });
      has(await claim(store, id, { owner }), { status: "claimed", attempt: 2, recovered });
    }
  },
  "claim: a running operation says how long its lease lasts, and whether its event is kept (§3 table)":
    async (t) => {
      const store = await t.open();
      for (const stored of [true, false]) {
        const id = t.id();
        await take(store, id, stored ? {} : NO_EVENT);
        const answer = await claim(store, id);
        has(answer, { status: "running", stored });
        near((answer as Extract<Claim, { status: "running" }>).retryAfterMs, LONG, "retryAfterMs");
      }
    },
  "claim: a lease that ran out is taken over with token + 1 and attempt + 1, recovered (§3 table)": async (
    t,
  ) => {
    const store = await t.open();
    for (const change of [{}, NO_EVENT]) {
      const id = t.id();
      await take(store, id, { leaseMs: SHORT, ...change });
      await t.pass(SHORT);
      has(await claim(store, id, change), { status: "claimed", token: 2, attempt: 2, recovered: true });
      assert.equal((await claim(store, id, change)).status, "running");
    }
  },
  "claim: a waiting operation that is not due says when it is (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await wait(store, id, { delayMs: LONG });
    const answer = await claim(store, id);
    has(answer, { status: "waiting", stored: true });
    near((answer as Extract<Claim, { status: "waiting" }>).retryAfterMs, LONG, "retryAfterMs");
  },
  "claim: a waiting operation that is due is taken with token + 1 and attempt + 1, not recovered (§3 table)":
    async (t) => {
      const store = await t.open();
      for (const delayMs of [0, SHORT]) {
        const id = t.id();
        await wait(store, id, { delayMs });
        if (delayMs > 0) await t.pass(delayMs);
        has(await claim(store, id), { status: "claimed", token: 2, attempt: 2, recovered: false });
      }
    },
  "claim: a completed operation gives its result, always the same (§3 table)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const id = t.id();
    await finish(store, id);
    for (const connection of [store, other, store]) {
      const answer = await claim(connection, id);
      assert.equal(answer.status, "completed");
      sameBytes((answer as Extract<Claim, { status: "completed" }>).result, RESULT, "result");
    }
  },
  "claim: a released operation is taken with token + 1 and attempt 1 (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const held = await take(store, id, NO_EVENT);
    await store.extend({ ...held, leaseMs: LONG, attempt: 3 });
    assert.equal(await store.release({ ...held, retentionMs: LONG }), true);
    has(await claim(store, id, NO_EVENT), { status: "claimed", token: 2, attempt: 1, recovered: false });
  },
  "claim: a dead operation is not run again before redeliveryAfterMs (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    const answer = await claim(store, id, { redeliveryAfterMs: LONG });
    has(answer, { status: "dead", letter: "push", stored: true });
    has((answer as Extract<Claim, { status: "dead" }>).error, ERROR);
  },
  "claim: a dead operation is never run again with redelivery ignore (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id, { letter: false });
    await t.passAges();
    has(await claim(store, id, { redelivery: "ignore" }), { status: "dead", letter: "none" });
  },
  "claim: a dead operation delivered again later begins a new round at attempt 1 (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const held = await take(store, id);
    await store.extend({ ...held, leaseMs: LONG, attempt: 4 });
    await store.fail({ ...held, error: ERROR, letter: true });
    await t.pass(SHORT);
    const answer = await claim(store, id, { redeliveryAfterMs: SHORT });
    has(answer, { status: "claimed", token: 2, attempt: 1, recovered: false, replay: false, letter: true });
    has(await record(store, id), { state: "running", round: 2, attempt: 1, token: 2 });
  },
  "claim: a fingerprint that is absent on either side is a match (§3 table)": async (t) => {
    const store = await t.open();
    const [bound, unbound] = [t.id(), t.id()];
    await finish(store, bound, { fingerprint: "a" });
    await finish(store, unbound);
    assert.equal((await claim(store, bound)).status, "completed");
    assert.equal((await claim(store, bound, { fingerprint: "a" })).status, "completed");
    assert.equal((await claim(store, unbound, { fingerprint: "b" })).status, "completed");
  },
  "claim: one that takes an existing operation replaces its event (§3)": async (t) => {
    const store = await t.open();
    const ids = [t.id(), t.id(), t.id()];
    await takeable(t, store, ids);
    for (const id of ids) {
      await take(store, id, { event: bytes("the redelivered event") });
      sameBytes((await record(store, id)).event, bytes("the redelivered event"), "event");
    }
  },
  "claim: one that takes nothing leaves the event as it was (§3)": async (t) => {
    const store = await t.open();
    const [running, waiting] = [t.id(), t.id()];
    await take(store, running);
    await wait(store, waiting, { delayMs: LONG });
    for (const id of [running, waiting]) {
      const before = await snapshot(store, id);
      await claim(store, id, { event: bytes("another event") });
      assert.equal(await snapshot(store, id), before);
    }
  },
  "claim: one that brings no event does not lose the one that is kept (§3 rule 5)": async (t) => {
    const store = await t.open();
    const ids = [t.id(), t.id(), t.id()];
    await takeable(t, store, ids);
    for (const id of ids) {
      const before = (await record(store, id)).event as Uint8Array;
      await take(store, id, NO_EVENT);
      sameBytes((await record(store, id)).event, before, "event");
    }
  },
  "claim: one that brings no fingerprint does not unbind the operation (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await wait(store, id, { fingerprint: "a" });
    await take(store, id);
    assert.equal((await claim(store, id, { fingerprint: "b" })).status, "mismatch");
  },
};

/** An operation whose lease ran out, one that is due and one that is dead. */
async function takeable(t: StoreCase, store: IdempotencyStore, ids: readonly OperationId[]): Promise<void> {
  const [abandoned, waiting, dead] = ids as [OperationId, OperationId, OperationId];
  await take(store, abandoned, { leaseMs: SHORT });
  await wait(store, waiting);
  await die(store, dead);
  await t.pass(SHORT);
}

type Reach = (t: StoreCase, store: IdempotencyStore, id: OperationId) => Promise<unknown>;

const states: Record<string, Reach> = {
  running: (_, store, id) => take(store, id, { fingerprint: "a" }),
  "running, its lease over": async (t, store, id) => {
    await take(store, id, { fingerprint: "a", leaseMs: SHORT });
    await t.pass(SHORT);
  },
  "waiting, not due": (_, store, id) => wait(store, id, { fingerprint: "a", delayMs: LONG }),
  "waiting, due": (_, store, id) => wait(store, id, { fingerprint: "a" }),
  completed: (_, store, id) => finish(store, id, { fingerprint: "a" }),
  dead: (_, store, id) => die(store, id, { fingerprint: "a" }),
  released: async (_, store, id) => {
    const held = await take(store, id, { fingerprint: "a", ...NO_EVENT });
    await store.release({ ...held, retentionMs: LONG });
  },
};

/** One case for each state. */
export const mismatchCases: StoreCases = Object.fromEntries(
  Object.entries(states).map(([state, reach]) => [
    `claim: another fingerprint is a mismatch that changes nothing: ${state} (§3 table)`,
    async (t: StoreCase) => {
      const store = await t.open();
      const id = t.id();
      await reach(t, store, id);
      const before = await snapshot(store, id);
      const { owner } = await record(store, id);
      assert.deepEqual(await claim(store, id, { fingerprint: "b" }), { status: "mismatch" });
      assert.deepEqual(await claim(store, id, { fingerprint: "b", owner }), { status: "mismatch" });
      assert.equal(await snapshot(store, id), before, "the refused claim changed the record");
    },
  ]),
);
