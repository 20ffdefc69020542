/** Giving dead operations up, and letters of another life. */
import assert from "node:assert/strict";
import type { IdempotencyStore, LetterVersion, OperationId } from "@hooklatch/core";
import {
  bytes,
  claim,
  die,
  due,
  ERROR,
  EVENT,
  ended,
  finish,
  has,
  LONG,
  NO_EVENT,
  newOwner,
  onlyDue,
  record,
  SHORT,
  settle,
  snapshot,
  take,
  wait,
} from "./acts.js";
import { handedAgain } from "./burial.js";
import type { StoreCases } from "./case.js";

async function versionOf(store: IdempotencyStore, id: OperationId): Promise<LetterVersion> {
  const { bornAt, token } = await record(store, id);
  return { bornAt, token };
}

async function refused(
  store: IdempotencyStore,
  id: OperationId,
  version: LetterVersion,
  verb: "discard" | "outrank" = "discard",
): Promise<void> {
  const before = await snapshot(store, id);
  assert.equal(await store[verb]({ id, ...version, other: version.bornAt + 5 }), false);
  assert.equal(await snapshot(store, id), before, "the record changed");
}

/** Dead, and discarded: its letter is still to be removed. */
async function discarded(store: IdempotencyStore, id: OperationId): Promise<LetterVersion> {
  await die(store, id, { fingerprint: "a" });
  const version = await versionOf(store, id);
  assert.equal(await store.discard({ id, ...version }), true);
  return version;
}

export const discardCases: StoreCases = {
  "discard: forgets a dead operation at this version, and no other (§3 replays)": async (t) => {
    const store = await t.open();
    const [running, waiting, completed, released] = [t.id(), t.id(), t.id(), t.id()];
    await take(store, running);
    await wait(store, waiting);
    await finish(store, completed);
    await store.release({ ...(await take(store, released, NO_EVENT)), retentionMs: LONG });
    for (const id of [running, waiting, completed, released]) {
      await refused(store, id, await versionOf(store, id));
    }
    const { id } = await die(store, t.id());
    await die(store, id);
    const { bornAt, token } = await versionOf(store, id);
    for (const wrong of [1, 3]) await refused(store, id, { bornAt, token: wrong });
    for (const wrong of [bornAt - 1, bornAt + 1]) await refused(store, id, { bornAt: wrong, token });
    assert.equal(await store.discard({ id, bornAt, token }), true);
    assert.equal(await settle(store, { id, token, letter: "removed" }), true);
    assert.equal(await store.get(id), undefined);
    assert.equal(await store.discard({ id, bornAt, token }), false);
    assert.equal(await store.discard({ id: t.id(), bornAt, token }), false);
  },
  "discard: another life of the operation stays, though its token be the same (§3 replays)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    const old = await versionOf(store, id);
    await store.delete(id);
    await t.pass(2);
    assert.equal((await die(store, id, { event: bytes("the next") })).token, old.token);
    await refused(store, id, old);
    assert.equal((await record(store, id)).letter, "push");
  },
  "discard: nothing is left but what removes its letter (§3 burying)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const held = await take(store, t.id());
    const { id } = held;
    await store.extend({ ...held, leaseMs: LONG, attempt: 2, ended: ended(1) });
    await store.fail({ ...held, error: ERROR, ended: ended(2), letter: true });
    const edit = { replayId: newOwner(), delayMs: 0, event: bytes("edited"), originalEvent: EVENT };
    await store.schedule({ id, ...edit });
    const [run] = await due(store, t.scope, { owner: "worker" });
    await store.fail({ id, owner: "worker", token: run?.token ?? 0, error: ERROR, letter: true });
    const version = await versionOf(store, id);
    const resent = () => other.discard({ id, ...version });
    assert.equal(await resent(), true);
    assert.equal(await resent(), true);
    const found = await other.get(id);
    for (const gone of ["event", "originalEvent", "error"] as const)
      assert.equal(found?.[gone], undefined, gone);
    assert.deepEqual([found?.attempts ?? [], found?.replays ?? []], [[], []]);
    has(await onlyDue(store, t.scope), { kind: "remove", ...version });
    assert.deepEqual(await due(store, t.scope), []);
    assert.equal((await store.stats(t.scope)).unsettled, 1);
    assert.equal(await settle(store, { id, token: version.token, letter: "pushed" }), false);
    assert.equal(await settle(store, { id, token: version.token, letter: "removed" }), true);
    assert.equal(await store.get(id), undefined);
    const { dead, released, unsettled } = await store.stats(t.scope);
    assert.deepEqual({ dead, released, unsettled }, { dead: 0, released: 0, unsettled: 0 });
    has(await claim(store, id), { status: "claimed", token: 1, attempt: 1, letter: false });
    has(await record(store, id), { attempts: [], replays: [], round: 1, letter: "none" });
  },
  "discard: a note that is not settled is handed out again, after the lease (§3 burying)": async (t) => {
    const store = await t.open();
    const version = await discarded(store, t.id());
    for (let time = 0; time < 3; time++) has(await handedAgain(t, store), { kind: "remove", ...version });
  },
  "discard: what is delivered before the letter is removed is a new operation (§3 burying)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const { bornAt, token } = await discarded(store, id);
    const held = { id, owner: newOwner() };
    has(
      await claim(store, id, {
        ...{ owner: held.owner, fingerprint: "b", event: bytes("new") },
        ...{ redelivery: "ignore", redeliveryAfterMs: LONG },
      }),
      { status: "claimed", token: token + 1, attempt: 1, recovered: false, replay: false, letter: true },
    );
    has(await record(store, id), { bornAt, round: 1, attempts: [], replays: [], fingerprint: "b" });
    assert.deepEqual(await due(store, t.scope), []);
    assert.equal(await settle(store, { id, token, letter: "removed" }), false);
    assert.equal(await store.discard({ id, bornAt, token }), false);
    assert.equal(await store.complete({ ...held, token: token + 1, result: null, retentionMs: SHORT }), true);
    await t.passAges();
    has(await onlyDue(store, t.scope), { kind: "remove", bornAt, token: token + 1 });
    assert.equal(await settle(store, { id, token: token + 1, letter: "removed" }), true);
    assert.equal(await store.get(id), undefined);
  },
  "discard: what is delivered before the letter is removed, and dies, has a newer letter (§3 burying)":
    async (t) => {
      const store = await t.open();
      const id = t.id();
      const { bornAt, token } = await discarded(store, id);
      await die(store, id);
      has(await record(store, id), { state: "dead", bornAt, token: token + 1, letter: "push" });
      has(await onlyDue(store, t.scope), { kind: "push", token: token + 1 });
    },
  "discard: a replay that comes before the letter is removed is superseded (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const { bornAt, token } = await discarded(store, id);
    const before = await snapshot(store, id);
    for (const expected of [{}, { expectedToken: token, expectedBornAt: bornAt }]) {
      const replay = { id, replayId: newOwner(), delayMs: 0, event: EVENT, force: true, ...expected };
      assert.deepEqual(await store.schedule(replay), { status: "superseded" });
    }
    assert.equal(await snapshot(store, id), before);
    has(await onlyDue(store, t.scope), { kind: "remove" });
  },
  "settle: refused in another life of the operation, though its token be the same (§3 burying)": async (
    t,
  ) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    const old = await versionOf(store, id);
    await store.delete(id);
    await t.pass(2);
    await die(store, id);
    assert.equal(await store.settle({ id, ...old, letter: "pushed" }), false);
    assert.equal((await record(store, id)).letter, "push");
    const done = await finish(store, id);
    assert.equal(await store.settle({ id, ...old, token: done.token, letter: "removed" }), false);
    assert.equal((await record(store, id)).letter, "remove");
  },
  "outrank: a dead operation whose letter is owed becomes younger than the other (§3 burying)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    const { bornAt, token } = await versionOf(store, id);
    const request = { id, bornAt, token, other: bornAt + 100_000 };
    assert.equal(await store.outrank(request), true);
    const after = await record(store, id);
    assert.ok(after.bornAt > request.other, `${after.bornAt} is not later than ${request.other}`);
    has(after, { state: "dead", token, letter: "push" });
    assert.equal(await store.outrank(request), true, "resent");
    assert.equal((await record(store, id)).bornAt, after.bornAt);
    has(await onlyDue(store, t.scope), { kind: "push", token });
    assert.equal(await store.settle({ id, bornAt, token, letter: "pushed" }), false, "at its old version");
    assert.equal(await store.settle({ id, bornAt: after.bornAt, token, letter: "pushed" }), true);
    assert.equal(await store.discard({ id, bornAt, token }), false, "at its old version");
    assert.equal(await store.discard({ id, bornAt: after.bornAt, token }), true);
  },
  "outrank: never makes an operation older (§3 burying)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    const { bornAt, token } = await versionOf(store, id);
    assert.equal(await store.outrank({ id, bornAt, token, other: bornAt - 100_000 }), true);
    assert.equal((await record(store, id)).bornAt, bornAt);
  },
  "outrank: refused once the operation has moved on, or owes no letter (§3 burying)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    const { bornAt, token } = await versionOf(store, id);
    for (const wrong of [
      { bornAt, token: token + 1 },
      { bornAt: bornAt - 1, token },
      { bornAt: bornAt + 1, token },
    ])
      await refused(store, id, wrong, "outrank");
    await settle(store, { id, token, letter: "pushed" });
    await refused(store, id, { bornAt, token }, "outrank");
    const held = await take(store, id);
    await refused(store, id, { bornAt, token: held.token }, "outrank");
    assert.equal(await store.outrank({ id: t.id(), bornAt, token, other: bornAt }), false);
  },
};
