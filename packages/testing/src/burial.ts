/** The outbox of letters: noted with the transition, handed out until settled, never after. */
import assert from "node:assert/strict";
import type { DueWork, IdempotencyStore } from "@hooklatch/core";
import {
  claim,
  die,
  due,
  finish,
  has,
  LONG,
  newOwner,
  onlyDue,
  record,
  SHORT,
  settle,
  take,
} from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";

export const burialCases: StoreCases = {
  "letter: a death that owes one has it pushed by one worker (§3 burying)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    const held = await die(store, t.id());
    assert.equal((await record(store, held.id)).letter, "push");
    const calls = Array.from({ length: 8 }, (_, n) => due(n % 2 ? store : other, t.scope));
    const handed = (await Promise.all(calls)).flat();
    assert.equal(handed.length, 1, `handed out ${handed.length} times`);
    has(handed[0] as DueWork, { kind: "push", token: held.token });
    assert.equal((handed[0] as DueWork).id.key, held.id.key);
  },
  "letter: its event and attempts are kept until it is pushed (§3 burying)": async (t) => {
    const store = await t.open();
    const { id } = await die(store, t.id());
    assert.ok((await record(store, id)).event);
    await onlyDue(store, t.scope, { leaseMs: SHORT });
    assert.ok((await record(store, id)).event);
  },
  "letter: a push that is not settled is handed out again, after the lease (§3 burying)": async (t) => {
    const store = await t.open();
    const held = await die(store, t.id());
    for (let time = 0; time < 3; time++) {
      has(await handedAgain(t, store), { kind: "push", token: held.token });
    }
    assert.equal(await settle(store, { id: held.id, token: held.token, letter: "pushed" }), true);
  },
  "letter: once settled it is not handed out again (§3 burying)": async (t) => {
    const store = await t.open();
    const held = await die(store, t.id());
    await onlyDue(store, t.scope, { leaseMs: SHORT });
    assert.equal(await settle(store, { id: held.id, token: held.token, letter: "pushed" }), true);
    assert.equal((await record(store, held.id)).letter, "pushed");
    assert.deepEqual(await due(store, t.scope), []);
    await t.passAges();
    assert.deepEqual(await due(store, t.scope), []);
    has(await claim(store, held.id, { redelivery: "ignore" }), { status: "dead", letter: "pushed" });
  },
  "letter: a death that owes none has none (§7)": async (t) => {
    const store = await t.open();
    const held = await die(store, t.id(), { letter: false });
    assert.equal((await record(store, held.id)).letter, "none");
    assert.deepEqual(await due(store, t.scope), []);
    assert.equal(await settle(store, { id: held.id, token: held.token, letter: "pushed" }), false);
  },
  "letter: a completion without one owes nothing (§3 burying)": async (t) => {
    const store = await t.open();
    const held = await finish(store, t.id());
    assert.equal((await record(store, held.id)).letter, "none");
    assert.deepEqual(await due(store, t.scope), []);
    assert.equal((await store.stats(t.scope)).unsettled, 0);
  },
  "letter: a completion has it removed, whether it was pushed or not (§3 burying)": async (t) => {
    const store = await t.open();
    for (const pushed of [true, false]) {
      const dead = await die(store, t.id());
      if (pushed) await settle(store, { id: dead.id, token: dead.token, letter: "pushed" });
      const held = await finish(store, dead.id);
      const found = await record(store, held.id);
      assert.equal(found.letter, "remove");
      has(await onlyDue(store, t.scope), { kind: "remove", token: held.token, bornAt: found.bornAt });
      assert.deepEqual(await due(store, t.scope), []);
      assert.equal(await settle(store, { id: held.id, token: held.token, letter: "removed" }), true);
      assert.equal((await record(store, held.id)).letter, "none");
      assert.deepEqual(await due(store, t.scope), []);
      assert.equal((await claim(store, held.id)).status, "completed");
    }
  },
  "letter: a removal that is not settled is handed out again, after the lease (§3 burying)": async (t) => {
    const store = await t.open();
    await die(store, t.id());
    const [{ id }] = (await due(store, t.scope)) as [DueWork];
    const held = await finish(store, id);
    for (let time = 0; time < 3; time++) {
      has(await handedAgain(t, store), { kind: "remove", token: held.token });
    }
    assert.equal(await settle(store, { id, token: held.token, letter: "removed" }), true);
    await t.passAges();
    assert.deepEqual(await due(store, t.scope), []);
  },
  "letter: while the operation runs again it is nobody's work, and a new death owes it anew (§3 burying)":
    async (t) => {
      const store = await t.open();
      const dead = await die(store, t.id());
      assert.equal(await settle(store, { id: dead.id, token: dead.token, letter: "pushed" }), true);
      const held = await take(store, dead.id);
      assert.deepEqual(await due(store, t.scope), []);
      assert.equal(
        await store.fail({ ...held, error: { name: "Error", message: "again" }, letter: true }),
        true,
      );
      has(await onlyDue(store, t.scope), { kind: "push", token: held.token });
    },
  "settle: resent, it gives the same answer (§3 rule 2)": async (t) => {
    const store = await t.open();
    const dead = await die(store, t.id());
    const pushed = { id: dead.id, token: dead.token, letter: "pushed" } as const;
    assert.equal(await settle(store, pushed), true);
    assert.equal(await settle(store, pushed), true);
    const done = await finish(store, dead.id);
    const removed = { id: dead.id, token: done.token, letter: "removed" } as const;
    assert.equal(await settle(store, removed), true);
    assert.equal(await settle(store, removed), true);
  },
  "settle: refused with a stale token, and once the operation has moved on (§3 burying)": async (t) => {
    const store = await t.open();
    const first = await die(store, t.id());
    const { id } = first;
    assert.equal(await settle(store, { id, token: first.token, letter: "removed" }), false);
    const second = await take(store, id);
    assert.equal(
      await settle(store, { id, token: first.token, letter: "pushed" }),
      false,
      "while it runs again",
    );
    assert.equal(
      await settle(store, { id, token: second.token, letter: "pushed" }),
      false,
      "while it runs again",
    );
    await store.fail({ ...second, error: { name: "Error", message: "again" }, letter: true });
    assert.equal(
      await settle(store, { id, token: first.token, letter: "pushed" }),
      false,
      "after it died again",
    );
    assert.equal((await record(store, id)).letter, "push");
    const third = await finish(store, id);
    assert.equal(
      await settle(store, { id, token: second.token, letter: "pushed" }),
      false,
      "after it completed",
    );
    assert.equal(
      await settle(store, { id, token: third.token, letter: "pushed" }),
      false,
      "after it completed",
    );
    assert.equal(
      await settle(store, { id, token: second.token, letter: "removed" }),
      false,
      "with a stale token",
    );
    assert.equal((await record(store, id)).letter, "remove");
    assert.equal(
      await settle(store, { id: t.id(), token: 1, letter: "pushed" }),
      false,
      "for an unknown operation",
    );
  },
  "settle: refused once an operator put the operation back to work (§3 replays)": async (t) => {
    const store = await t.open();
    const { id, token } = await die(store, t.id());
    await store.schedule({ id, replayId: newOwner(), delayMs: LONG });
    assert.equal(await settle(store, { id, token, letter: "pushed" }), false);
    assert.equal((await record(store, id)).state, "waiting");
  },
};

/** Lets leases run out until the letter comes again: a store may take longer from time to time. */
export async function handedAgain(t: StoreCase, store: IdempotencyStore): Promise<DueWork> {
  for (let lease = 0; lease < 20; lease++) {
    const [work] = await due(store, t.scope, { leaseMs: SHORT });
    if (work !== undefined) return work;
    await t.pass(SHORT);
  }
  return assert.fail("an unsettled letter was not handed out within 20 leases");
}
