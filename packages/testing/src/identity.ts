/** Identities: no two share a record, and each comes back exactly as it was given. */
import assert from "node:assert/strict";
import type { DueWork, OperationId } from "@hooklatch/core";
import { bytes, claim, due, finish, has, record, rejectsWith, sameBytes, take, wait } from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";

/** Parts that are easily confused with each other, or with something that a store does with names. */
const awkward: readonly string[] = [
  "a",
  "A",
  "a ",
  " a",
  "a:b",
  "a:b:c",
  "a/b",
  "a\u0000b",
  "a\u0000",
  "\u0000",
  "{a}",
  "{",
  "}",
  "a*",
  "a%",
  "a_",
  "a?",
  "a'b",
  'a"b',
  "a\\b",
  "a\nb",
  "a\r\nb",
  "[a]",
  "-",
  "0",
  "00",
  "1",
  "1.0",
  "1e0",
  "null",
  "undefined",
  "__proto__",
  "constructor",
  "toString",
  "\u00e9",
  "e\u0301",
  "\u212b",
  "\u00c5",
  "A\u030a",
  "\ufb01",
  "fi",
  "\u{1f600}",
  "\u{1f600}\u200d",
  "ß",
  "ss",
  "SS",
  "k".repeat(255),
  "k".repeat(256),
  `${"k".repeat(255)}l`,
  "k".repeat(1_024),
];

/** The parts of an identity, moved around so that a careless join of them would give the same name. */
function shuffled(scope: string): OperationId[] {
  const joints = [":", "/", "\u0000", "-", ".", "|", "}{"];
  return joints.flatMap((joint) => [
    { scope, key: `x${joint}y${joint}z` },
    { scope, tenant: "x", key: `y${joint}z` },
    { scope, tenant: `x${joint}y`, key: "z" },
    { scope: `${scope}${joint}x`, key: `y${joint}z` },
    { scope: `${scope}${joint}x`, tenant: "y", key: "z" },
    { scope: `${scope}${joint}x${joint}y`, key: "z" },
  ]);
}

/** Each is claimed as new, keeps its own event, and is found by itself alone. */
async function independent(t: StoreCase, ids: readonly OperationId[]): Promise<void> {
  const store = await t.open();
  const made = ids.map((id) => t.id(id));
  await Promise.all(
    made.map(async (id, n) => {
      const answer = await claim(store, id, { event: bytes(String(n)) });
      has(answer, { status: "claimed", token: 1 });
    }),
  );
  await Promise.all(
    made.map(async (id, n) => {
      const found = await record(store, id);
      assert.deepEqual(parts(found.id), parts(id));
      sameBytes(found.event, bytes(String(n)), `event of ${JSON.stringify(id)}`);
    }),
  );
}

const parts = ({ scope, tenant, key }: OperationId): unknown => ({ scope, tenant, key });

export const identityCases: StoreCases = {
  "identity: parts that would join to the same name are different operations (§2)": async (t) => {
    await independent(t, shuffled(t.scope));
  },
  "identity: awkward keys are different operations, and come back exactly (§7)": async (t) => {
    await independent(
      t,
      awkward.map((key) => ({ scope: t.scope, key })),
    );
  },
  "identity: awkward tenants are different operations, and come back exactly (§7)": async (t) => {
    const key = t.id().key;
    await independent(t, [
      { scope: t.scope, key },
      ...awkward.map((tenant) => ({ scope: t.scope, tenant, key })),
    ]);
  },
  "identity: awkward scopes are different operations, and come back exactly (§7)": async (t) => {
    const key = t.id().key;
    await independent(
      t,
      awkward.map((part) => ({ scope: `${t.scope}${part}`, key })),
    );
  },
  "identity: names that JavaScript gives to every object are ordinary scopes and keys (§2)": async (t) => {
    const { key } = t.id();
    const names = ["__proto__", "constructor", "hasOwnProperty"];
    await independent(
      t,
      names.flatMap((scope) => [
        { scope, key },
        { scope, tenant: scope, key },
      ]),
    );
  },
  "identity: tenants and scopes with the same key do not see each other (§2)": async (t) => {
    const store = await t.open();
    const { key } = t.id();
    const [done, held, other] = [t.id({ tenant: "x", key }), t.id({ tenant: "y", key }), t.id({ key })];
    await finish(store, done, { fingerprint: "a" });
    has(await claim(store, held, { fingerprint: "b" }), { status: "claimed", token: 1 });
    has(await claim(store, other, { fingerprint: "c" }), { status: "claimed", token: 1 });
    has(await claim(store, t.id({ scope: `${t.scope}2`, key }), { fingerprint: "d" }), {
      status: "claimed",
      token: 1,
    });
    assert.equal(await store.delete(other), true);
    assert.equal((await claim(store, done)).status, "completed");
    assert.equal((await claim(store, held)).status, "running");
  },
  "identity: a worker gets it exactly as it was claimed (§7)": async (t) => {
    const store = await t.open();
    const ids = awkward.map((part) => t.id({ tenant: part, key: `key ${part}` }));
    for (const id of ids) await wait(store, id);
    const work: DueWork[] = await due(store, t.scope, { limit: 1_000 });
    const order = (all: readonly OperationId[]): string[] =>
      all.map((id) => JSON.stringify(parts(id))).sort();
    assert.deepEqual(order(work.map((one) => one.id)), order(ids));
    const [one] = work as [DueWork];
    assert.equal((await record(store, one.id)).state, "running");
  },
  "identity: a tenant that is absent stays absent (§2)": async (t) => {
    const store = await t.open();
    const id = t.id();
    await wait(store, id);
    assert.equal((await record(store, id)).id.tenant, undefined);
    assert.equal((await due(store, t.scope))[0]?.id.tenant, undefined);
    assert.ok(await store.get({ ...id, tenant: undefined }), "an undefined tenant is an absent one");
  },
  "identity: refused as invalid_key when it is not well-formed unicode, and so cannot be kept apart (§2)":
    async (t) => {
      const store = await t.open();
      for (const key of ["\ud800", "a\udfff"]) {
        await rejectsWith("invalid_key", () => take(store, { scope: t.scope, key }), "claim");
      }
    },
};
