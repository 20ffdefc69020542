/** What goes, and what must never go: retention, release, delete, purge. */
import assert from "node:assert/strict";
import type { IdempotencyStore } from "@hooklatch/core";
import {
  claim,
  die,
  due,
  EVENT,
  finish,
  has,
  LONG,
  NO_EVENT,
  newOwner,
  record,
  SHORT,
  sameBytes,
  settle,
  take,
  wait,
} from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";

export const retentionCases: StoreCases = {
  "retention: a completed operation is forgotten after it, and its key is new (§3 table)": async (t) => {
    const store = await t.open();
    const [kept, gone] = [t.id(), t.id()];
    await finish(store, kept);
    await wait(store, gone);
    await finish(store, gone, { retentionMs: SHORT, fingerprint: "a" });
    await t.pass(SHORT);
    assert.equal(await store.get(gone), undefined);
    has(await claim(store, gone, { fingerprint: "b" }), {
      status: "claimed",
      token: 1,
      attempt: 1,
      letter: false,
    });
    const found = await record(store, gone);
    has(found, { round: 1, attempts: [], state: "running" });
    sameBytes(found.event, EVENT, "event");
    assert.equal((await claim(store, kept)).status, "completed");
  },
  "retention: it is not the lease, neither way round (§2)": async (t) => {
    const store = await t.open();
    const [shortLease, longLease] = [t.id(), t.id()];
    await finish(store, shortLease, { leaseMs: SHORT, retentionMs: LONG });
    await finish(store, longLease, { leaseMs: LONG, retentionMs: SHORT });
    await t.pass(SHORT);
    assert.equal((await claim(store, shortLease)).status, "completed");
    assert.equal((await claim(store, longLease)).status, "claimed");
  },
  "retention: running, waiting and dead operations that keep an event outlive it (§3 rule 5)": async (t) => {
    const store = await t.open();
    const ids = await keepers(t, store);
    await t.passAges();
    await stillThere(store, ids);
    has(await claim(store, ids.running), { status: "claimed", token: 2, recovered: true });
    has(await claim(store, ids.waiting), { status: "claimed", token: 2, attempt: 2 });
    has(await claim(store, ids.dead), { status: "claimed", token: 2, attempt: 1 });
  },
  "retention: a completed operation whose letter must still go outlives it (§3 burying)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    const held = await finish(store, id, { retentionMs: SHORT });
    await t.passAges();
    assert.equal((await claim(store, id)).status, "completed");
    const [note] = await due(store, t.scope);
    has(note as object, { kind: "remove", id: (await record(store, id)).id });
    assert.equal(await settle(store, { id, token: held.token, letter: "removed" }), true);
    assert.equal(await store.get(id), undefined);
    has(await claim(store, id), { status: "claimed", token: 1, letter: false });
  },
  "release: refused where an event is kept, also one that an earlier claim brought (§3 rule 5)": async (
    t,
  ) => {
    const store = await t.open();
    const [fresh, later] = [t.id(), t.id()];
    await wait(store, later);
    for (const held of [await take(store, fresh), await take(store, later, NO_EVENT)]) {
      assert.equal(await store.release({ ...held, retentionMs: LONG }), false);
      const found = await record(store, held.id);
      assert.equal(found.state, "running");
      sameBytes(found.event, EVENT, "event");
      assert.equal(await store.extend({ ...held, leaseMs: LONG }), true);
    }
  },
  "release: the key stays bound to its fingerprint for one retention (§3)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const first = await take(store, id, { ...NO_EVENT, fingerprint: "a" });
    await store.release({ ...first, retentionMs: LONG });
    assert.equal((await claim(store, id, { ...NO_EVENT, fingerprint: "b" })).status, "mismatch");
    const second = await take(store, id, { ...NO_EVENT, fingerprint: "a" });
    assert.equal(second.token, 2);
    await store.release({ ...second, retentionMs: SHORT });
    await t.pass(SHORT);
    has(await claim(store, id, { ...NO_EVENT, fingerprint: "b" }), {
      status: "claimed",
      token: 1,
      attempt: 1,
    });
  },
  "delete: forgets an operation in any state, once (§7)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const [running, waiting, dead, completed] = [t.id(), t.id(), t.id(), t.id()];
    await take(store, running);
    await wait(store, waiting);
    await die(store, dead);
    await finish(store, completed);
    for (const id of [running, waiting, dead, completed]) {
      assert.equal(await other.delete(id), true);
      assert.equal(await store.delete(id), false);
      assert.equal(await store.get(id), undefined);
    }
    assert.deepEqual(await due(store, t.scope), []);
    has(await claim(store, dead), { status: "claimed", token: 1, attempt: 1, letter: false });
    has(await record(store, dead), { attempts: [], round: 1, letter: "none" });
  },
};

export const purgeCases: StoreCases = {
  "purge: forgets what is expired, at most `limit` in one call, and says how many (§7)": async (t) => {
    const store = await t.open();
    for (let n = 0; n < 5; n++) await finish(store, t.id(), { retentionMs: SHORT });
    await t.pass(SHORT);
    let purged = 0;
    for (let call = 0; call < 12; call++) {
      const count = await purge(store, 2);
      assert.ok(Number.isInteger(count) && count >= 0 && count <= 2, `purge({ limit: 2 }) answered ${count}`);
      purged += count;
    }
    assert.ok(purged >= 5, `purged ${purged} of 5`);
    assert.equal((await store.stats(t.scope)).completed, 0);
  },
  "purge: never touches what is alive (§3 rule 5)": async (t) => {
    const store = await t.open();
    const ids = await keepers(t, store);
    const [completed, released] = [t.id(), t.id()];
    await t.passAges();
    await finish(store, completed);
    await store.release({ ...(await take(store, released, NO_EVENT)), retentionMs: LONG });
    for (let call = 0; call < 12; call++) await purge(store, 100);
    await stillThere(store, ids);
    assert.equal((await claim(store, completed)).status, "completed");
    assert.equal((await record(store, released)).state, "released");
    has(await store.stats(t.scope), { running: 1, waiting: 2, dead: 2, completed: 1, released: 1 });
    assert.deepEqual((await due(store, t.scope)).map((work) => work.kind).sort(), [
      "push",
      "run",
      "run",
      "run",
    ]);
  },
};

async function purge(store: IdempotencyStore, limit: number): Promise<number> {
  assert.ok(store.purge, 'The store has no purge(): say `without: ["purge"]`.');
  return store.purge({ limit });
}

interface Keepers {
  running: ReturnType<StoreCase["id"]>;
  waiting: ReturnType<StoreCase["id"]>;
  dead: ReturnType<StoreCase["id"]>;
  /** Dead, its letter with the sink. */
  buried: ReturnType<StoreCase["id"]>;
  /** Put back to work by an operator. */
  replayed: ReturnType<StoreCase["id"]>;
}

/** One operation of each kind that must never go. */
async function keepers(t: StoreCase, store: IdempotencyStore): Promise<Keepers> {
  const ids = { running: t.id(), waiting: t.id(), dead: t.id(), buried: t.id(), replayed: t.id() };
  // First completed, and that retention over: nothing of it may stick to the next life.
  await finish(store, ids.running, { retentionMs: 1 });
  await t.pass(1);
  await take(store, ids.running, { leaseMs: SHORT });
  await wait(store, ids.waiting, { leaseMs: SHORT });
  await die(store, ids.dead, { leaseMs: SHORT });
  const buried = await die(store, ids.buried, { leaseMs: SHORT });
  assert.equal(await settle(store, { id: ids.buried, token: buried.token, letter: "pushed" }), true);
  await die(store, ids.replayed, { leaseMs: SHORT });
  await store.schedule({ id: ids.replayed, replayId: newOwner(), delayMs: 0 });
  return ids;
}

async function stillThere(store: IdempotencyStore, ids: Keepers): Promise<void> {
  for (const [id, state] of [
    [ids.running, "running"],
    [ids.waiting, "waiting"],
    [ids.dead, "dead"],
    [ids.replayed, "waiting"],
  ] as const) {
    const found = await record(store, id);
    assert.equal(found.state, state);
    sameBytes(found.event, EVENT, `event of the ${state} operation`);
  }
  // Its event may be gone, for the letter has it.
  has(await record(store, ids.buried), { state: "dead", letter: "pushed" });
}
