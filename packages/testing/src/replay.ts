/** An operator's replay: `schedule`. */
import assert from "node:assert/strict";
import type { Held, IdempotencyStore, OperationId, Scheduled, ScheduleRequest } from "@hooklatch/core";
import {
  bytes,
  claim,
  die,
  due,
  ERROR,
  EVENT,
  finish,
  has,
  LONG,
  NO_EVENT,
  newOwner,
  onlyDue,
  onlyRun,
  RESULT,
  record,
  rejectsWith,
  SHORT,
  sameBytes,
  snapshot,
  take,
  wait,
} from "./acts.js";
import type { StoreCases } from "./case.js";

function schedule(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ScheduleRequest> = {},
): Promise<Scheduled> {
  return store.schedule({ id, replayId: newOwner(), delayMs: 0, ...change });
}

async function unchangedBy(
  store: IdempotencyStore,
  id: OperationId,
  call: () => Promise<unknown>,
): Promise<void> {
  const before = await snapshot(store, id);
  await call();
  assert.equal(await snapshot(store, id), before, "the record changed");
}

export const replayCases: StoreCases = {
  "schedule: puts a dead operation back to work, in a new round that begins at attempt 1 (§3 replays)":
    async (t) => {
      const store = await t.open();
      const id = t.id();
      const held = await take(store, id);
      await store.extend({ ...held, leaseMs: LONG, attempt: 4 });
      await store.fail({ ...held, error: ERROR, letter: true });
      assert.deepEqual(await schedule(store, id, { expectedToken: held.token }), { status: "scheduled" });
      has(await record(store, id), { state: "waiting", round: 2 });
      const run = await onlyRun(store, t.scope);
      has(run, { attempt: 1, recovered: false, replay: true, letter: true });
      assert.ok(run.token > held.token, "the token did not grow");
      sameBytes(run.event, EVENT, "event");
      assert.deepEqual(await due(store, t.scope), []);
    },
  "schedule: the same replay id puts nothing back twice, whatever happened meanwhile (§3 replays)": async (
    t,
  ) => {
    const [store, other] = [await t.open(), await t.open()];
    const id = t.id();
    const replayId = newOwner();
    await die(store, id);
    assert.deepEqual(await schedule(store, id, { replayId }), { status: "scheduled" });
    const again = async (): Promise<void> =>
      assert.deepEqual(await schedule(other, id, { replayId, event: EVENT }), { status: "scheduled" });
    await unchangedBy(store, id, again);
    const { held } = await onlyRun(store, t.scope);
    await unchangedBy(store, id, again);
    await store.retry({ ...held, delayMs: 0 });
    await unchangedBy(store, id, again);
    await die(store, id);
    await unchangedBy(store, id, again);
    const second = newOwner();
    assert.deepEqual(await schedule(store, id, { replayId: second }), { status: "scheduled" });
    await finish(store, id);
    await unchangedBy(store, id, async () =>
      assert.deepEqual(await schedule(store, id, { replayId: second }), { status: "scheduled" }),
    );
  },
  "schedule: a replay id of before another replay puts nothing back either (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const replayIds = ['deploy "42"\\', "é\u0000\n", "2"];
    for (const replayId of replayIds) {
      await die(store, id);
      assert.deepEqual(await schedule(store, id, { replayId, about: { by: "2" } }), { status: "scheduled" });
    }
    await die(store, id);
    for (const replayId of replayIds) {
      await unchangedBy(store, id, async () =>
        assert.deepEqual(await schedule(store, id, { replayId }), { status: "scheduled" }),
      );
    }
    for (const replayId of ['deploy "42"', "deploy", "é", ""]) {
      assert.deepEqual(await schedule(store, id, { replayId }), { status: "scheduled" });
      assert.equal((await record(store, id)).replays.at(-1)?.replayId, replayId);
    }
  },
  "schedule: sent many times at once with one replay id, it begins one round (§3 replays)": async (t) => {
    const stores = await Promise.all([t.open(), t.open()]);
    const store = stores[0] as IdempotencyStore;
    const id = t.id();
    const replayId = newOwner();
    const { token } = await die(store, id);
    await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const answer = await schedule(stores[n % 2] as IdempotencyStore, id, {
          replayId,
          expectedToken: token,
        });
        assert.deepEqual(answer, { status: "scheduled" });
      }),
    );
    assert.equal((await record(store, id)).round, 2);
  },
  "schedule: refused while the operation runs (§3 replays)": async (t) => {
    const store = await t.open();
    const held = await take(store, t.id());
    await unchangedBy(store, held.id, async () => {
      assert.deepEqual(await schedule(store, held.id), { status: "running" });
      assert.deepEqual(await schedule(store, held.id, { expectedToken: held.token }), { status: "running" });
    });
    assert.equal(await store.extend({ ...held, leaseMs: LONG }), true);
  },
  "schedule: refused once the operation completed, by force too (§3 replays)": async (t) => {
    const store = await t.open();
    const { id, token } = await finish(store, t.id());
    await unchangedBy(store, id, async () => {
      assert.deepEqual(await schedule(store, id, { event: EVENT, expectedToken: token }), {
        status: "completed",
      });
      assert.deepEqual(await schedule(store, id, { event: EVENT, force: true }), { status: "completed" });
    });
    assert.equal((await claim(store, id)).status, "completed");
  },
  "schedule: refused as superseded when the operation has another token by now (§3 replays)": async (t) => {
    const store = await t.open();
    const first = await die(store, t.id());
    const second = await die(store, first.id);
    await unchangedBy(store, first.id, async () => {
      assert.deepEqual(await schedule(store, first.id, { expectedToken: first.token }), {
        status: "superseded",
      });
      assert.deepEqual(await schedule(store, first.id, { expectedToken: second.token + 1 }), {
        status: "superseded",
      });
    });
    assert.deepEqual(await schedule(store, first.id, { expectedToken: second.token }), {
      status: "scheduled",
    });
  },
  "schedule: refused as superseded when it is another life of the operation by now (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    const { bornAt, token } = await record(store, id);
    await store.delete(id);
    await t.pass(2);
    assert.equal((await die(store, id)).token, token);
    const born = (await record(store, id)).bornAt;
    for (const expectedBornAt of [bornAt, born + 1]) {
      await unchangedBy(store, id, async () =>
        assert.deepEqual(await schedule(store, id, { expectedToken: token, expectedBornAt }), {
          status: "superseded",
        }),
      );
    }
    const expected = { expectedToken: token, expectedBornAt: born };
    assert.deepEqual(await schedule(store, id, expected), { status: "scheduled" });
  },
  "schedule: by force, it takes a running operation over, and its owner is refused (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const held = await take(store, t.id());
    const forced = { force: true, expectedToken: held.token };
    assert.deepEqual(await schedule(store, held.id, forced), { status: "scheduled" });
    assert.equal((await record(store, held.id)).token, held.token + 1);
    await refusesAll(store, held);
    const run = await onlyRun(store, t.scope);
    has(run, { attempt: 1, replay: true });
    assert.ok(run.token > held.token + 1, "the token did not grow");
    await refusesAll(store, held);
    assert.equal(await store.complete({ ...run.held, result: RESULT, retentionMs: LONG }), true);
  },
  "schedule: an operation that is absent is made from the letter's event and token (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const id = t.id();
    assert.deepEqual(await schedule(store, id, { event: EVENT, expectedToken: 7 }), { status: "scheduled" });
    const run = await onlyRun(store, t.scope);
    has(run, { attempt: 1, replay: true, letter: true, recovered: false });
    assert.ok(run.token > 7, `token ${run.token} is not newer than the letter's`);
    sameBytes(run.event, EVENT, "event");
    assert.equal(await store.complete({ ...run.held, result: RESULT, retentionMs: LONG }), true);
    has(await onlyDue(store, t.scope), { kind: "remove", token: run.token });
  },
  "schedule: rejected as event_not_kept where there is nothing to run (§7)": async (t) => {
    const store = await t.open();
    const [absent, dead, released] = [t.id(), t.id(), t.id()];
    await die(store, dead, NO_EVENT);
    await store.release({ ...(await take(store, released, NO_EVENT)), retentionMs: LONG });
    for (const id of [absent, dead, released]) {
      await unchangedBy(store, id, () =>
        rejectsWith("event_not_kept", () => schedule(store, id), "schedule"),
      );
    }
    assert.deepEqual(await schedule(store, dead, { event: EVENT }), { status: "scheduled" });
    sameBytes((await onlyRun(store, t.scope)).event, EVENT, "event");
  },
  "schedule: the event it brings is the one that runs (§7)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    await schedule(store, id, { event: bytes("the repaired event") });
    sameBytes((await onlyRun(store, t.scope)).event, bytes("the repaired event"), "event");
  },
  "schedule: a waiting operation begins a new round too (§3)": async (t) => {
    const store = await t.open();
    const { id, token } = await wait(store, t.id(), { delayMs: LONG });
    assert.deepEqual(await schedule(store, id, { expectedToken: token }), { status: "scheduled" });
    has(await onlyRun(store, t.scope), { attempt: 1, replay: true });
    assert.equal((await record(store, id)).round, 2);
  },
  "schedule: waits for its delay (§7)": async (t) => {
    const store = await t.open();
    const [soon, late] = [
      await die(store, t.id(), { letter: false }),
      await die(store, t.id(), { letter: false }),
    ];
    await schedule(store, late.id, { delayMs: LONG });
    await schedule(store, soon.id, { delayMs: SHORT });
    assert.equal((await claim(store, late.id)).status, "waiting");
    await t.pass(SHORT);
    assert.equal((await onlyDue(store, t.scope)).id.key, soon.id.key);
    assert.deepEqual(await due(store, t.scope), []);
  },
  "schedule: that it is a replay survives retries and crashes, and ends with the round (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const { id } = await die(store, t.id(), { letter: false });
    await schedule(store, id);
    const first = await onlyRun(store, t.scope);
    assert.equal(first.replay, true);
    await store.retry({ ...first.held, delayMs: 0 });
    has(await onlyRun(store, t.scope, { leaseMs: SHORT }), { replay: true, attempt: 2, recovered: false });
    await t.pass(SHORT);
    has(await onlyRun(store, t.scope, { leaseMs: SHORT }), { replay: true, attempt: 3, recovered: true });
    await t.pass(SHORT);
    const owner = newOwner();
    has(await claim(store, id, { owner }), { replay: true, attempt: 4, recovered: true });
    await store.fail({ id, owner, token: (await record(store, id)).token, error: ERROR, letter: false });
    has(await claim(store, id), { status: "claimed", replay: false, attempt: 1 });
  },
  "schedule: of a delivery and a replay at once, one has the operation (§3)": async (t) => {
    const stores = await Promise.all([t.open(), t.open()]);
    const store = stores[0] as IdempotencyStore;
    for (let n = 0; n < 8; n++) {
      const { id, token } = await die(store, t.id(), { letter: false });
      const [answer, scheduled] = await Promise.all([
        claim(stores[n % 2] as IdempotencyStore, id),
        schedule(stores[(n + 1) % 2] as IdempotencyStore, id, { expectedToken: token }),
      ]);
      // A replay that came first is due at once, so the delivery may take it.
      if (scheduled.status !== "scheduled") assert.equal(scheduled.status, "running");
      assert.equal(answer.status, "claimed");
      has(await record(store, id), { state: "running", token: token + 1, round: 2 });
    }
  },
};

async function refusesAll(store: IdempotencyStore, held: Held): Promise<void> {
  await unchangedBy(store, held.id, async () => {
    assert.equal(await store.extend({ ...held, leaseMs: LONG }), false, "extend");
    assert.equal(await store.complete({ ...held, result: RESULT, retentionMs: LONG }), false, "complete");
    assert.equal(await store.retry({ ...held, delayMs: 0 }), false, "retry");
    assert.equal(await store.fail({ ...held, error: ERROR, letter: true }), false, "fail");
    assert.equal(await store.release({ ...held, retentionMs: LONG }), false, "release");
  });
}
