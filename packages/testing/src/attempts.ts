/** Counting attempts, and keeping the record of each. */
import assert from "node:assert/strict";
import {
  claim,
  die,
  ERROR,
  ended,
  has,
  LONG,
  newOwner,
  onlyRun,
  RESULT,
  record,
  SHORT,
  take,
  wait,
} from "./acts.js";
import type { StoreCases } from "./case.js";

export const attemptCases: StoreCases = {
  "attempts: counted when they start, by the claim, so that a crash counts (§3)": async (t) => {
    const store = await t.open();
    const id = t.id();
    for (const attempt of [1, 2, 3]) {
      has(await claim(store, id, { leaseMs: SHORT }), { status: "claimed", attempt, token: attempt });
      assert.equal((await record(store, id)).attempt, attempt);
      await t.pass(SHORT);
    }
    has(await onlyRun(store, t.scope), { attempt: 4, token: 4, recovered: true });
  },
  "attempts: extend raises their number, and never lowers it (§3)": async (t) => {
    const store = await t.open();
    const id = t.id();
    const held = await take(store, id, { leaseMs: SHORT });
    for (const [attempt, stored] of [
      [3, 3],
      [2, 3],
      [undefined, 3],
    ] as const) {
      assert.equal(await store.extend({ ...held, leaseMs: SHORT, attempt }), true);
      assert.equal((await record(store, id)).attempt, stored);
    }
    await t.pass(SHORT);
    has(await claim(store, id), { attempt: 4 });
  },
  "attempts: failing does not count one, retrying neither (§3)": async (t) => {
    const store = await t.open();
    const [waiting, dead] = [t.id(), t.id()];
    await wait(store, waiting);
    await die(store, dead);
    assert.equal((await record(store, waiting)).attempt, 1);
    assert.equal((await record(store, dead)).attempt, 1);
  },
  "attempts: a claim handed back before its attempt started is not counted (§3 rule 5)": async (t) => {
    const store = await t.open();
    const id = t.id();
    for (const token of [1, 2]) {
      const held = await take(store, id);
      assert.equal(await store.retry({ ...held, delayMs: 0, notStarted: true }), true);
      assert.equal(await store.retry({ ...held, delayMs: 0, notStarted: true }), true);
      has(await record(store, id), { attempt: 0, token });
    }
    has(await claim(store, id), { attempt: 1, token: 3 });
  },
  "attempts: retry sets them to those that really started, and never raises them (§3 rule 6)": async (t) => {
    const store = await t.open();
    for (const [recorded, attempt, stored] of [
      [2, 1, 1],
      [4, 2, 2],
      [3, 3, 3],
      [2, 9, 2],
      [3, undefined, 3],
    ] as const) {
      const held = await take(store, t.id());
      assert.equal(await store.extend({ ...held, leaseMs: LONG, attempt: recorded }), true);
      for (const _ of ["sent", "sent again"]) {
        assert.equal(await store.retry({ ...held, delayMs: 0, attempt }), true);
        assert.equal((await record(store, held.id)).attempt, stored, `${attempt} of ${recorded}`);
      }
      has(await claim(store, held.id), { attempt: stored + 1 });
    }
    const held = await take(store, t.id());
    await store.extend({ ...held, leaseMs: LONG, attempt: 3 });
    assert.equal(await store.retry({ ...held, owner: newOwner(), delayMs: 0, attempt: 1 }), false);
    assert.equal((await record(store, held.id)).attempt, 3);
  },
  "attempts: what ended is kept once for each attempt, the newest account of it (§7)": async (t) => {
    const store = await t.open();
    const held = await take(store, t.id());
    await store.extend({ ...held, leaseMs: LONG, ended: ended(1, "first account") });
    await store.extend({ ...held, leaseMs: LONG, attempt: 2, ended: ended(1, "second account") });
    await store.extend({ ...held, leaseMs: LONG, attempt: 2, ended: ended(1, "second account") });
    await store.fail({ ...held, error: ERROR, letter: false, ended: ended(2) });
    const { attempts } = await record(store, held.id);
    assert.equal(attempts.length, 2);
    has(attempts[0] as object, { ...ended(1, "second account"), round: 1 });
    has(attempts[1] as object, { ...ended(2), round: 1 });
  },
  "attempts: kept oldest first, also when the account of an early one comes late (§7)": async (t) => {
    const store = await t.open();
    const held = await take(store, t.id());
    for (const attempt of [1, 2, 1]) {
      assert.equal(await store.extend({ ...held, leaseMs: LONG, attempt: 3, ended: ended(attempt) }), true);
    }
    const { attempts } = await record(store, held.id);
    assert.deepEqual(
      attempts.map((one) => one.attempt),
      [1, 2],
    );
  },
  "attempts: kept over retries, rounds and the completion (§3)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await store.retry({ ...(await take(store, id)), delayMs: 0, ended: ended(1) });
    await store.fail({ ...(await take(store, id)), error: ERROR, letter: true, ended: ended(2) });
    await store.fail({ ...(await take(store, id)), error: ERROR, letter: true, ended: ended(1) });
    await store.schedule({ id, replayId: newOwner(), delayMs: 0 });
    const { held } = await onlyRun(store, t.scope);
    const { error: _, ...well } = ended(1);
    await store.complete({ ...held, result: RESULT, retentionMs: LONG, ended: well });
    const { attempts, round } = await record(store, id);
    assert.deepEqual(
      attempts.map((one) => [one.round, one.attempt, one.error?.message]),
      [
        [1, 1, ERROR.message],
        [1, 2, ERROR.message],
        [2, 1, ERROR.message],
        [3, 1, undefined],
      ],
    );
    assert.equal(round, 3);
  },
  "attempts: a refused write records none (§3 rule 2)": async (t) => {
    const store = await t.open();
    const held = await take(store, t.id());
    await store.extend({ ...held, owner: newOwner(), leaseMs: LONG, attempt: 9, ended: ended(9) });
    const { attempt, attempts } = await record(store, held.id);
    assert.deepEqual({ attempt, attempts }, { attempt: 1, attempts: [] });
  },
};
