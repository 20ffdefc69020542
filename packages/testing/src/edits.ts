/** An operator's edit, and the deliveries that come after it. */
import assert from "node:assert/strict";
import type { IdempotencyStore, OperationId } from "@hooklatch/core";
import {
  bytes,
  claim,
  die,
  due,
  EVENT,
  finish,
  has,
  LONG,
  NO_EVENT,
  newOwner,
  onlyRun,
  RESULT,
  record,
  SHORT,
  sameBytes,
  snapshot,
} from "./acts.js";
import type { StoreCases } from "./case.js";

const EDITED = bytes("the event, mended");

async function edit(store: IdempotencyStore, id: OperationId, delayMs = 0): Promise<void> {
  const replay = { replayId: newOwner(), delayMs, event: EDITED, originalEvent: EVENT };
  assert.deepEqual(await store.schedule({ id, ...replay }), { status: "scheduled" });
}

async function notTaken(store: IdempotencyStore, id: OperationId, status: string): Promise<void> {
  const before = await snapshot(store, id);
  for (const change of [{}, NO_EVENT, { redelivery: "ignore" as const }]) {
    const answer = await claim(store, id, change);
    has(answer, { status, stored: true });
    assert.ok((answer as { retryAfterMs: number }).retryAfterMs > 0, "no time to ask again after");
  }
  assert.equal(await snapshot(store, id), before, "the record changed");
}

export const editCases: StoreCases = {
  "claim: an edited event is run by workers alone, until its round ends (§3 replays)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const { id } = await die(store, t.id());
    await edit(store, id, SHORT);
    has(await claim(other, id), { status: "waiting", stored: true });
    await t.pass(SHORT);
    await notTaken(other, id, "waiting");
    const first = await onlyRun(store, t.scope);
    sameBytes(first.event, EDITED, "event");
    await store.retry({ ...first.held, delayMs: 0 });
    await notTaken(other, id, "waiting");
    await onlyRun(store, t.scope, { leaseMs: SHORT });
    has(await claim(other, id), { status: "running", stored: true });
    await t.pass(SHORT);
    await notTaken(other, id, "running");
    const last = await onlyRun(store, t.scope);
    has(last, { recovered: true, replay: true, attempt: 3 });
    sameBytes(last.event, EDITED, "event");
    assert.equal(await store.complete({ ...last.held, result: RESULT, retentionMs: LONG }), true);
    assert.equal((await claim(other, id)).status, "completed");
  },
  "claim: an edited event that is put back again is an edited one still (§3 replays)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    await edit(store, id);
    const { held } = await onlyRun(store, t.scope);
    await store.fail({ ...held, error: { name: "Error", message: "again" }, letter: true });
    await store.schedule({ id, replayId: newOwner(), delayMs: 0 });
    await notTaken(store, id, "waiting");
  },
  "claim: another fingerprint is a mismatch of an edited one, too (§3)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id(), { fingerprint: "a" });
    await edit(store, id);
    assert.equal((await claim(store, id, { fingerprint: "b" })).status, "mismatch");
  },
  "claim: a replay without an edit is taken by a delivery (§3 replays)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    await store.schedule({ id, replayId: newOwner(), delayMs: 0 });
    has(await claim(store, id), { status: "claimed", replay: true });
  },
  "claim: once the round of an edit is over, what is delivered runs, and is no edit (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    await edit(store, id);
    const { held } = await onlyRun(store, t.scope);
    await store.fail({ ...held, error: { name: "Error", message: "again" }, letter: true });
    has(await claim(store, id, NO_EVENT), { status: "claimed", replay: false });
    const kept = await record(store, id);
    sameBytes(kept.event, EDITED, "event");
    sameBytes(kept.originalEvent, EVENT, "originalEvent");
    const token = { id, owner: kept.owner, token: kept.token };
    await store.fail({ ...token, error: { name: "Error", message: "again" }, letter: true });
    const delivered = bytes("delivered again");
    await die(store, id, { event: delivered });
    const found = await record(store, id);
    sameBytes(found.event, delivered, "event");
    assert.equal(found.originalEvent, undefined);
    assert.equal(found.replays.length, 1);
    // A further edit is of what was delivered last.
    await store.schedule({
      ...{ id, replayId: newOwner(), delayMs: LONG },
      ...{ event: EDITED, originalEvent: delivered },
    });
    sameBytes((await record(store, id)).originalEvent, delivered, "originalEvent");
    assert.equal((await record(store, id)).replays.length, 2);
    await store.schedule({ id, replayId: newOwner(), delayMs: 0 });
    assert.equal((await due(store, t.scope)).length, 1);
    await store.delete(id);
    await finish(store, id);
  },
};
