/** What a store keeps of an operator's replays, and of the event before it was edited. */
import assert from "node:assert/strict";
import type { IdempotencyStore, OperationId, OperationPast, ScheduleRequest } from "@hooklatch/core";
import {
  bytes,
  claim,
  die,
  ERROR,
  ended,
  finish,
  has,
  LONG,
  newOwner,
  onlyRun,
  RESULT,
  record,
  sameBytes,
  settle,
  snapshot,
  take,
} from "./acts.js";
import type { StoreCases } from "./case.js";

const about = { by: "ann é\u0000", note: 'because of "x"\n', changed: ["/a~1b", ""] };
const ORIGINAL = bytes("the event as it came \u0000");

async function schedule(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ScheduleRequest> = {},
): Promise<void> {
  const answer = await store.schedule({ id, replayId: newOwner(), delayMs: 0, ...change });
  assert.deepEqual(answer, { status: "scheduled" });
}

/** By a worker, which alone runs an edited event. */
async function finishReplay(store: IdempotencyStore, scope: string, retentionMs = LONG): Promise<void> {
  const { held } = await onlyRun(store, scope);
  assert.equal(await store.complete({ ...held, result: RESULT, retentionMs }), true, "complete was refused");
}

export const historyCases: StoreCases = {
  "schedule: keeps who replayed, why and what was changed, with its round and the store's time (§3 replays)":
    async (t) => {
      const store = await t.open();
      const id = t.id();
      await take(store, id);
      assert.deepEqual((await record(store, id)).replays, []);
      await schedule(store, id, { replayId: "first", about, force: true });
      const { replays, changedAt } = await record(store, id);
      assert.deepEqual(replays, [{ round: 2, at: changedAt, replayId: "first", ...about }]);
      await t.pass(5);
      await schedule(store, id, { replayId: "second", delayMs: LONG });
      const again = await record(store, id);
      assert.ok(again.changedAt > changedAt);
      assert.deepEqual(again.replays, [...replays, { round: 3, at: again.changedAt, replayId: "second" }]);
    },
  "schedule: the history stays while the operation runs, waits, dies and completes (§3 replays)": async (
    t,
  ) => {
    const [store, other] = [await t.open(), await t.open()];
    const id = t.id();
    await die(store, id);
    await schedule(store, id, { replayId: "first", about, event: bytes("edited"), originalEvent: ORIGINAL });
    const stays = async (state: string): Promise<void> => {
      const found = await record(other, id);
      has(found, { state });
      assert.deepEqual(
        found.replays.slice(0, 1).map(({ at: _, ...one }) => one),
        [{ round: 2, replayId: "first", ...about }],
      );
      sameBytes(found.originalEvent, ORIGINAL, "originalEvent");
    };
    await stays("waiting");
    const { held, event } = await onlyRun(store, t.scope);
    sameBytes(event, bytes("edited"), "event");
    await stays("running");
    await store.extend({ ...held, leaseMs: LONG, attempt: 2, ended: ended(1) });
    await store.retry({ ...held, delayMs: 0, ended: ended(2) });
    await stays("waiting");
    const failing = await onlyRun(store, t.scope);
    await store.fail({ ...failing.held, error: ERROR, letter: false });
    await stays("dead");
    await schedule(store, id);
    await finishReplay(store, t.scope);
    await stays("completed");
  },
  "schedule: sent again with one replay id, it adds nothing to the history (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    await schedule(store, id, { replayId: "first", about });
    const before = await snapshot(store, id);
    await schedule(store, id, { replayId: "first", about: { by: "another" }, originalEvent: ORIGINAL });
    assert.equal(await snapshot(store, id), before);
  },
  "schedule: of several edits, the event as it came is that before the first (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    assert.equal((await record(store, id)).originalEvent, undefined);
    await schedule(store, id);
    assert.equal((await record(store, id)).originalEvent, undefined);
    await schedule(store, id, { event: bytes("one"), originalEvent: ORIGINAL });
    await schedule(store, id, { event: bytes("two"), originalEvent: bytes("one") });
    sameBytes((await record(store, id)).event, bytes("two"), "event");
    await schedule(store, id);
    const found = await record(store, id);
    sameBytes(found.originalEvent, ORIGINAL, "originalEvent");
    sameBytes(found.event, bytes("two"), "event");
  },
  "schedule: an event that came without a byte is kept as one (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    await schedule(store, id, { event: bytes("one"), originalEvent: new Uint8Array(0) });
    await schedule(store, id, { event: bytes("two"), originalEvent: bytes("one") });
    sameBytes((await record(store, id)).originalEvent, new Uint8Array(0), "originalEvent");
  },
  "schedule: the last 200 replays are kept (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    for (let n = 0; n < 203; n++) await schedule(store, id, { replayId: `replay ${n}` });
    const { replays, round } = await record(store, id);
    assert.equal(round, 204);
    assert.deepEqual([replays.length, replays[0]?.replayId, replays.at(-1)?.round], [200, "replay 3", 204]);
    const elsewhere = t.id();
    const past = { bornAt: 1_700_000_000_000, rounds: 204, attempts: [], replays };
    await schedule(store, elsewhere, { replayId: "now", event: bytes("e"), past });
    const after = (await record(store, elsewhere)).replays;
    assert.deepEqual([after.length, after[0]?.replayId, after.at(-1)?.replayId], [200, "replay 4", "now"]);
  },
  "schedule: an operation of which the store has no record goes on from its past (§3 replays)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const past: OperationPast = {
      bornAt: 1_700_000_000_123,
      rounds: 2,
      attempts: [
        { ...ended(1), owner: "o1", round: 1 },
        { ...ended(1), owner: "o2", round: 2 },
        { attempt: 2, startedAt: 1_700_000_000_001, durationMs: 0, round: 2, owner: "o3" },
      ],
      replays: [{ round: 2, at: 1_700_000_000_000, replayId: "before", by: "bob" }],
    };
    await schedule(store, id, {
      replayId: "now",
      event: bytes("e"),
      originalEvent: ORIGINAL,
      past,
      expectedToken: 7,
      about,
    });
    const found = await record(store, id);
    has(found, { state: "waiting", round: 3, token: 7, bornAt: past.bornAt });
    assert.deepEqual(found.attempts, past.attempts);
    assert.deepEqual(found.replays, [
      ...past.replays,
      { round: 3, at: found.changedAt, replayId: "now", ...about },
    ]);
    sameBytes(found.originalEvent, ORIGINAL, "originalEvent");
    const { held, attempt } = await onlyRun(store, t.scope);
    assert.equal(attempt, 1);
    await store.fail({ ...held, error: { name: "E", message: "again" }, ended: ended(1), letter: true });
    const after = await record(store, id);
    assert.deepEqual(
      after.attempts.map(({ round, attempt }) => [round, attempt]),
      [
        [1, 1],
        [2, 1],
        [2, 2],
        [3, 1],
      ],
    );
    assert.equal(after.replays.length, 2);
  },
  "schedule: what is told of its past changes nothing about an operation that is there (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    const before = await record(store, id);
    const past = {
      bornAt: 5,
      rounds: 9,
      attempts: [{ ...ended(1), round: 9 }],
      replays: [{ round: 9, at: 1, replayId: "r" }],
    };
    await schedule(store, id, { past });
    const { bornAt, round, attempts, replays } = await record(store, id);
    assert.deepEqual(
      { bornAt, round, attempts },
      { bornAt: before.bornAt, round: 2, attempts: before.attempts },
    );
    assert.equal(replays.length, 1);
  },
  "schedule: of an operation whose retention is over, only what is told of its past counts (§3 replays)":
    async (t) => {
      const store = await t.open();
      const id = t.id();
      await die(store, id, { letter: false });
      await schedule(store, id, { event: bytes("edited"), originalEvent: ORIGINAL, about });
      await finishReplay(store, t.scope, 30);
      await t.passAges();
      const past = {
        bornAt: 1_700_000_000_123,
        rounds: 4,
        attempts: [{ ...ended(1), round: 4 }],
        replays: [{ round: 4, at: 1_700_000_000_456, replayId: "told" }],
      };
      await schedule(store, id, { replayId: "now", event: bytes("e"), past });
      const { bornAt, round, attempts, replays, originalEvent } = await record(store, id);
      assert.deepEqual([bornAt, round, attempts, originalEvent], [past.bornAt, 5, past.attempts, undefined]);
      assert.deepEqual(
        replays.map(({ replayId }) => replayId),
        ["told", "now"],
      );
    },
  "delete: an operation that comes again knows no replays, and no event as it came (§3 replays)": async (
    t,
  ) => {
    const store = await t.open();
    const id = t.id();
    await die(store, id);
    await schedule(store, id, { event: bytes("edited"), originalEvent: ORIGINAL, about });
    await store.delete(id);
    await take(store, id);
    const found = await record(store, id);
    assert.deepEqual([found.replays, found.originalEvent], [[], undefined]);
  },
  "claim: an operation whose retention is over knows no replays, and no event as it came (§3 replays)":
    async (t) => {
      const store = await t.open();
      const id = t.id();
      await die(store, id, { letter: false });
      await schedule(store, id, { event: bytes("edited"), originalEvent: ORIGINAL, about });
      await finishReplay(store, t.scope, 30);
      await t.passAges();
      // A letter may be owed for removal, which must not be waited for.
      await settle(store, { id, token: (await store.get(id))?.token ?? 0, letter: "removed" });
      await t.passAges();
      assert.equal((await claim(store, id)).status, "claimed");
      const found = await record(store, id);
      assert.deepEqual([found.round, found.replays, found.originalEvent], [1, [], undefined]);
    },
};

export const scopesCases: StoreCases = {
  "scopes: those that have operations, each once, and none that is over (§7)": async (t) => {
    const store = await t.open();
    assert.ok(store.scopes, 'There is no scopes(): say `without: ["scopes"]`.');
    const all = store.scopes;
    const mine = async (): Promise<string[]> =>
      (await all()).filter((scope) => scope.startsWith(t.scope)).map((scope) => scope.slice(t.scope.length));
    assert.deepEqual(await mine(), []);
    const scopes = ["", "b", "B", "é", "\u{1f600}", "a:b{c}*", "over"];
    const ids = scopes.map((name) => t.id({ scope: `${t.scope}${name}` }));
    for (const id of ids.slice(0, 6)) await take(store, id);
    await take(store, t.id());
    await finish(store, ids[6] as OperationId, { retentionMs: 30 });
    await t.passAges();
    assert.deepEqual(await mine(), scopes.slice(0, 6).sort());
    await store.delete(ids[1] as OperationId);
    assert.deepEqual(await mine(), scopes.filter((_, n) => n !== 1 && n !== 6).sort());
  },
};
