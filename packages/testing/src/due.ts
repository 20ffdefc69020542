/** Work for workers: `claimDue`. */
import assert from "node:assert/strict";
import type { DueWork, IdempotencyStore } from "@hooklatch/core";
import {
  bytes,
  claim,
  die,
  due,
  has,
  LONG,
  NO_EVENT,
  newOwner,
  onlyRun,
  RESULT,
  SHORT,
  sameBytes,
  take,
  wait,
} from "./acts.js";
import type { StoreCases } from "./case.js";

const keys = (work: readonly DueWork[]): string[] => work.map((one) => one.id.key).sort();

export const dueCases: StoreCases = {
  "claimDue: hands a run whose lease ran out to a worker, counted and recovered (§3 table)": async (t) => {
    const store = await t.open();
    const id = t.id({ tenant: "a tenant" });
    const held = await take(store, id);
    assert.deepEqual(await due(store, t.scope), [], "before the lease ran out");
    await store.extend({ ...held, leaseMs: SHORT, attempt: 2 });
    await t.pass(SHORT);
    const run = await onlyRun(store, t.scope);
    has(run, { token: 2, attempt: 3, recovered: true, replay: false, letter: false });
    has(run.id, { ...id });
    assert.equal((await claim(store, id)).status, "running");
    assert.equal(
      await store.complete({ ...held, result: RESULT, retentionMs: LONG }),
      false,
      "the former owner",
    );
    assert.equal(
      await store.complete({ ...run.held, result: RESULT, retentionMs: LONG }),
      true,
      "the worker",
    );
  },
  "claimDue: hands waiting operations out when they are due, not before (§3 table)": async (t) => {
    const store = await t.open();
    const [now, soon, late] = [t.id(), t.id(), t.id()];
    await wait(store, now);
    await wait(store, late, { delayMs: LONG });
    has(await onlyRun(store, t.scope), { token: 2, attempt: 2, recovered: false });
    await wait(store, soon, { delayMs: SHORT });
    await t.pass(SHORT);
    assert.deepEqual(keys(await due(store, t.scope)), keys([{ id: soon } as DueWork]));
    assert.deepEqual(await due(store, t.scope), []);
  },
  "claimDue: each due operation goes to one caller, however many ask at once (§3 rule 1)": async (t) => {
    const stores = await Promise.all([t.open(), t.open(), t.open()]);
    const store = stores[0] as IdempotencyStore;
    const ids = Array.from({ length: 24 }, () => t.id());
    await Promise.all(ids.map((id, n) => (n % 3 ? wait(store, id) : take(store, id, { leaseMs: SHORT }))));
    await t.pass(SHORT);
    const handed: DueWork[] = [];
    for (let round = 0; round < 6; round++) {
      const calls = Array.from({ length: 9 }, (_, n) =>
        due(stores[n % 3] as IdempotencyStore, t.scope, { limit: 4 }),
      );
      handed.push(...(await Promise.all(calls)).flat());
    }
    assert.deepEqual(keys(handed), ids.map((id) => id.key).sort());
  },
  "claimDue: of many deliveries and workers that race for a lease that ran out, one takes it (§3 table)":
    async (t) => {
      const stores = await Promise.all([t.open(), t.open(), t.open()]);
      const store = stores[0] as IdempotencyStore;
      const ids = Array.from({ length: 6 }, () => t.id());
      await Promise.all(ids.map((id) => take(store, id, { leaseMs: SHORT })));
      await t.pass(SHORT);
      const takers = new Map(ids.map((id) => [id.key, 0]));
      const count = (key: string): unknown => takers.set(key, (takers.get(key) ?? 0) + 1);
      await Promise.all([
        ...ids.flatMap((id) =>
          Array.from({ length: 6 }, async (_, n) => {
            const answer = await claim(stores[n % 3] as IdempotencyStore, id);
            if (answer.status === "claimed") count(id.key);
            else assert.equal(answer.status, "running");
          }),
        ),
        ...Array.from({ length: 6 }, async (_, n) => {
          for (const work of await due(stores[n % 3] as IdempotencyStore, t.scope, { limit: 3 }))
            count(work.id.key);
        }),
      ]);
      assert.deepEqual([...takers.values()], [1, 1, 1, 1, 1, 1]);
    },
  "claimDue: gives all that is due, and never more than `limit` (§7)": async (t) => {
    const store = await t.open();
    const ids = Array.from({ length: 10 }, () => t.id());
    for (const id of ids) await wait(store, id);
    const some = await due(store, t.scope, { limit: 3 });
    assert.ok(some.length >= 1 && some.length <= 3, `${some.length} with limit 3`);
    const one = await due(store, t.scope, { limit: 1 });
    assert.equal(one.length, 1);
    const rest = await due(store, t.scope, { limit: 100 });
    assert.deepEqual(keys([...some, ...one, ...rest]), ids.map((id) => id.key).sort());
  },
  "claimDue: gives work of the scopes it was asked for (§7)": async (t) => {
    const store = await t.open();
    const scopes = ["a", "b", "c", "A", "*", "%"].map((name) => `${t.scope}${name}`);
    for (const scope of scopes) {
      await wait(store, t.id({ scope }));
      await die(store, t.id({ scope }));
    }
    const asked = [scopes[0], scopes[2]] as string[];
    assert.deepEqual(await due(store, t.scope), [], "a scope that is the beginning of others");
    assert.deepEqual(await store.claimDue({ scopes: [], owner: newOwner(), leaseMs: LONG, limit: 9 }), []);
    const work = await due(store, t.scope, { scopes: asked });
    assert.deepEqual(work.map((one) => one.id.scope).sort(), [...asked, ...asked].sort());
    for (const scope of scopes.slice(3)) {
      assert.deepEqual(
        (await due(store, scope)).map((one) => one.id.scope),
        [scope, scope],
      );
    }
    assert.equal((await due(store, scopes[1] as string)).length, 2);
  },
  "claimDue: resent by its owner, it gives the same work (§7)": async (t) => {
    const [store, other] = [await t.open(), await t.open()];
    for (let n = 0; n < 4; n++) await take(store, t.id(), { leaseMs: SHORT, event: new Uint8Array([n]) });
    for (let n = 0; n < 3; n++) await die(store, t.id());
    await t.pass(SHORT);
    const owner = newOwner();
    const first = await due(store, t.scope, { owner, limit: 4 });
    assert.ok(first.length > 0, "nothing was handed out");
    assert.deepEqual(comparable(await due(other, t.scope, { owner, limit: 4 })), comparable(first));
    assert.deepEqual(comparable(await due(store, t.scope, { owner, limit: 4 })), comparable(first));
  },
  "claimDue: resent, it says again whether it recovered the operation (§3 rule 2)": async (t) => {
    const store = await t.open();
    await wait(store, t.id());
    await take(store, t.id(), { leaseMs: SHORT });
    await t.pass(SHORT);
    const owner = newOwner();
    const first = await due(store, t.scope, { owner });
    assert.deepEqual(comparable(await due(store, t.scope, { owner })), comparable(first));
    assert.deepEqual(first.map((work) => work.kind === "run" && work.recovered).sort(), [false, true]);
  },
  "claimDue: never gives an operation without an event (§7)": async (t) => {
    const store = await t.open();
    await take(store, t.id(), { ...NO_EVENT, leaseMs: SHORT });
    await wait(store, t.id(), NO_EVENT);
    await die(store, t.id(), { ...NO_EVENT, letter: false });
    await t.pass(SHORT);
    assert.deepEqual(await due(store, t.scope), []);
  },
  "claimDue: gives the events of many operations byte for byte (§7)": async (t) => {
    const store = await t.open();
    const events = new Map<string, Uint8Array>();
    for (let n = 0; n < 20; n++) {
      const id = t.id();
      const event = new Uint8Array(n === 0 ? 0 : 2_000 * n).map((_, at) => (at * 31 + n) % 256);
      events.set(id.key, event);
      await wait(store, id, { event });
    }
    const work = await due(store, t.scope);
    assert.equal(work.length, 20);
    for (const run of work) {
      assert.equal(run.kind, "run");
      if (run.kind === "run") sameBytes(run.event, events.get(run.id.key) ?? bytes("?"), "event");
    }
  },
  "claimDue: letters that are due do not keep events from running (§3 burying)": async (t) => {
    const store = await t.open();
    for (let n = 0; n < 6; n++) await die(store, t.id());
    for (let n = 0; n < 2; n++) await wait(store, t.id());
    const work = await due(store, t.scope, { limit: 2 });
    assert.ok(
      work.some((one) => one.kind === "run"),
      "two free places went to letters, none to an event",
    );
  },
  "claimDue: events that are due do not keep letters from being settled (§3 burying)": async (t) => {
    const store = await t.open();
    for (let n = 0; n < 6; n++) await wait(store, t.id());
    await die(store, t.id());
    const work = await due(store, t.scope, { limit: 2 });
    assert.ok(
      work.some((one) => one.kind === "push"),
      "two free places went to events, none to a letter",
    );
  },
};

/** In no particular order. */
function comparable(work: readonly DueWork[]): unknown[] {
  const shown = work.map((one) => ({
    ...one,
    id: { ...one.id },
    ...(one.kind === "run" ? { event: [...one.event] } : {}),
  }));
  return shown.sort((a, b) => (a.id.key < b.id.key ? -1 : 1));
}
