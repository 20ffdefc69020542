/** Writes after the claim: fenced by owner and token, safe to resend. */
import assert from "node:assert/strict";
import type { Held, IdempotencyStore, OperationState } from "@hooklatch/core";
import {
  claim,
  ERROR,
  EVENT,
  ended,
  has,
  LONG,
  newOwner,
  RESULT,
  record,
  SHORT,
  snapshot,
  take,
} from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";

type Write = (store: IdempotencyStore, held: Held) => Promise<boolean>;

const writes = {
  extend: (store, held) => store.extend({ ...held, leaseMs: LONG, attempt: 2, ended: ended(1) }),
  complete: (store, held) => store.complete({ ...held, result: RESULT, retentionMs: LONG, ended: ended(1) }),
  retry: (store, held) => store.retry({ ...held, delayMs: LONG, ended: ended(1) }),
  fail: (store, held) => store.fail({ ...held, error: ERROR, ended: ended(1), letter: true }),
  release: (store, held) => store.release({ ...held, retentionMs: LONG }),
} satisfies Record<string, Write>;

const leadsTo: Record<keyof typeof writes, OperationState> = {
  extend: "running",
  complete: "completed",
  retry: "waiting",
  fail: "dead",
  release: "released",
};

/** Each write with a claim that it accepts: `release` needs one that keeps no event. */
const verbs = (Object.keys(writes) as (keyof typeof writes)[]).map((verb) => ({
  verb,
  write: writes[verb] as Write,
  state: leadsTo[verb],
  change: { event: verb === "release" ? undefined : EVENT },
}));

/** The write is refused, and leaves the record as it is. */
async function refused(store: IdempotencyStore, write: Write, held: Held, what: string): Promise<void> {
  const before = await snapshot(store, held.id);
  assert.equal(await write(store, held), false, `${what} was accepted`);
  assert.equal(await snapshot(store, held.id), before, `${what} was refused but changed the record`);
}

type Verb = (typeof verbs)[number];

function perVerb(promise: string, body: (t: StoreCase, verb: Verb) => Promise<void>, of = verbs): StoreCases {
  return Object.fromEntries(of.map((verb) => [`${verb.verb}: ${promise}`, (t: StoreCase) => body(t, verb)]));
}

export const fencingCases: StoreCases = {
  ...perVerb("resent, it gives the same answer and changes nothing more (§3 rule 2)", async (t, verb) => {
    const [store, other] = [await t.open(), await t.open()];
    const held = await take(store, t.id(), verb.change);
    assert.equal(await verb.write(store, held), true);
    const { leaseUntil: _, ...before } = await record(store, held.id);
    assert.equal(before.state, verb.state);
    assert.equal(await verb.write(other, held), true);
    assert.equal(await verb.write(store, held), true);
    const { leaseUntil: _l, ...after } = await record(store, held.id);
    assert.deepEqual(after, before);
  }),
  ...perVerb("refused with another owner's name (§3 rule 2)", async (t, verb) => {
    const store = await t.open();
    const held = await take(store, t.id(), verb.change);
    await refused(store, verb.write, { ...held, owner: newOwner() }, "a foreign owner");
    await refused(store, verb.write, { ...held, owner: "" }, "an empty owner");
    await verb.write(store, held);
    await refused(
      store,
      verb.write,
      { ...held, owner: newOwner() },
      "a foreign owner, after the owner's own write",
    );
  }),
  ...perVerb("refused with another token (§3 rule 2)", async (t, verb) => {
    const store = await t.open();
    const held = await take(store, t.id(), verb.change);
    for (const token of [held.token - 1, held.token + 1]) {
      await refused(store, verb.write, { ...held, token }, `token ${token}`);
    }
  }),
  ...perVerb("refused once somebody else took over (§3 rule 2)", async (t, verb) => {
    const store = await t.open();
    const held = await take(store, t.id(), { ...verb.change, leaseMs: SHORT });
    await t.pass(SHORT);
    const next = await take(store, held.id, verb.change);
    await refused(store, verb.write, held, "the former owner's write");
    await refused(
      store,
      verb.write,
      { ...held, token: next.token },
      "the former owner's write with the new token",
    );
    assert.equal(await verb.write(store, next), true, "the new owner was refused");
    await refused(store, verb.write, held, "the former owner's write after the new owner's");
  }),
  ...perVerb("refused with the token of an earlier life of the same number (§3 rule 2)", async (t, verb) => {
    const store = await t.open();
    const id = t.id();
    const former = await take(store, id, { event: undefined });
    await store.release({ ...former, retentionMs: LONG });
    assert.equal(await store.delete(id), true);
    const held = await take(store, id, verb.change);
    assert.equal(held.token, former.token);
    await refused(store, verb.write, former, "the former life's write");
    assert.equal(await verb.write(store, held), true);
  }),
  ...perVerb("refused for an operation that does not exist, and makes none (§3 rule 2)", async (t, verb) => {
    const store = await t.open();
    const id = t.id();
    assert.equal(await verb.write(store, { id, owner: newOwner(), token: 1 }), false);
    assert.equal(await store.get(id), undefined);
  }),
  ...perVerb(
    "nothing else is accepted from the same owner after it (§3)",
    async (t, verb) => {
      const store = await t.open();
      const held = await take(store, t.id(), verb.change);
      await verb.write(store, held);
      for (const later of verbs) {
        if (later.verb !== verb.verb)
          await refused(store, later.write, held, `${later.verb} after ${verb.verb}`);
      }
    },
    verbs.filter((verb) => verb.state !== "running"),
  ),
  ...perVerb("accepted after the lease ran out, if nobody took over (§3 rule 3)", async (t, verb) => {
    const store = await t.open();
    const held = await take(store, t.id(), { ...verb.change, leaseMs: SHORT });
    await t.pass(SHORT);
    assert.equal(await verb.write(store, held), true);
    assert.equal((await record(store, held.id)).state, verb.state);
    if (verb.verb === "extend") assert.equal((await claim(store, held.id)).status, "running");
  }),
  "extend: keeps others out for another lease (§3 rule 3)": async (t) => {
    const store = await t.open();
    const held = await take(store, t.id(), { leaseMs: SHORT });
    assert.equal(await store.extend({ ...held, leaseMs: LONG }), true);
    await t.pass(SHORT);
    assert.equal((await claim(store, held.id)).status, "running");
    assert.deepEqual(
      await store.claimDue({ scopes: [t.scope], owner: newOwner(), leaseMs: LONG, limit: 9 }),
      [],
    );
  },
  "complete: racing takers of a lease that ran out, it is accepted or one of them has it (§3 rule 3)": async (
    t,
  ) => {
    const stores = await Promise.all([t.open(), t.open(), t.open()]);
    const store = stores[0] as IdempotencyStore;
    const helds = await Promise.all(
      Array.from({ length: 12 }, () => take(store, t.id(), { leaseMs: SHORT })),
    );
    await t.pass(SHORT);
    await Promise.all(
      helds.map(async (held, n) => {
        const takers = stores.map((other) => claim(other, held.id));
        const completing = (stores[n % 3] as IdempotencyStore).complete({
          ...held,
          result: RESULT,
          retentionMs: LONG,
        });
        const statuses = (await Promise.all(takers)).map((answer) => answer.status);
        const taken = statuses.filter((status) => status === "claimed").length;
        assert.equal(Number(await completing) + taken, 1, `completed: ${await completing}, taken: ${taken}`);
      }),
    );
  },
  "complete: of many sent at once by owner and strangers, the owner's is the one that counts (§3 rule 2)":
    async (t) => {
      const stores = await Promise.all([t.open(), t.open()]);
      const held = await take(stores[0] as IdempotencyStore, t.id());
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, n) =>
          (stores[n % 2] as IdempotencyStore).complete({
            ...held,
            owner: n === 9 ? held.owner : newOwner(),
            result: new Uint8Array([n]),
            retentionMs: LONG,
          }),
        ),
      );
      assert.deepEqual(
        answers.flatMap((accepted, n) => (accepted ? [n] : [])),
        [9],
      );
      const found = await record(stores[1] as IdempotencyStore, held.id);
      has(found, { state: "completed" });
      assert.deepEqual([...(found.result ?? [])], [9]);
    },
};
