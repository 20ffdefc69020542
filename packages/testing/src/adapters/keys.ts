/** The key: which requests are guarded, and which keys are refused before anything else happens. */
import assert from "node:assert/strict";
import { json } from "./answers.js";
import { type AdapterCases, newKey, type Orders } from "./case.js";
import { isFirst, isProblem, isReplay } from "./checks.js";

const JSON_BODY = [["Content-Type", "application/json"]] as const;

async function refused(orders: Orders, keys: readonly string[]): Promise<void> {
  const replies = await Promise.all(keys.map((key) => orders.send({ key, body: "{}" })));
  for (const reply of replies) isProblem(reply, 400, "invalid_key");
}

export const keyCases: AdapterCases = {
  "key: a request without one passes, every time, and without a store call": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }, 201));
    for (const run of [1, 2]) {
      const reply = await orders.send({ body: "{}", headers: JSON_BODY });
      isFirst(reply, 201);
      assert.deepEqual(reply.json(), { run });
    }
    assert.equal(t.store.total, 0);
  },
  "key: a request without one is refused where it is required": async (t) => {
    const orders = await t.orders(() => json({}), { required: true });
    isProblem(await orders.send({ body: "{}" }), 400, "key_missing");
    assert.deepEqual([orders.runs, t.store.total], [0, 0]);
    isFirst(await orders.send({ key: newKey() }), 200);
  },
  "key: a malformed one is refused without a store call": async (t) => {
    const orders = await t.orders(() => json({}));
    await refused(orders, [
      "",
      '""',
      "two words",
      '"open',
      'bare"quote',
      "a,b",
      '"a", "b"',
      "k\u00e9y",
      "?1",
      "(a)",
    ]);
    assert.deepEqual([orders.runs, t.store.total], [0, 0]);
  },
  "key: of 255 characters it is taken, of 256 it is refused, quoted or bare": async (t) => {
    const orders = await t.orders(() => json({}));
    const over = "k".repeat(256);
    await refused(orders, [over, `"${over}"`]);
    assert.deepEqual([orders.runs, t.store.total], [0, 0]);
    isFirst(await orders.send({ key: "b".repeat(255) }), 200);
    isFirst(await orders.send({ key: `"${"q".repeat(255)}"` }), 200);
    isFirst(await orders.send({ key: "x" }), 200);
  },
  "key: sent more than once it is refused, equal or not, without a store call": async (t) => {
    const orders = await t.orders(() => json({}));
    for (const [one, other] of [
      ["a", "a"],
      ["a", "b"],
      ['"a"', '"a"'],
      ["a", ""],
    ] as const) {
      const reply = await orders.send({ key: one, headers: [["idempotency-key", other]] });
      isProblem(reply, 400, "invalid_key");
    }
    assert.deepEqual([orders.runs, t.store.total], [0, 0]);
  },
  "key: quoted and bare it is the same, with blanks around it and parameters behind it": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }));
    const key = newKey();
    const first = await orders.send({ key });
    isFirst(first, 200);
    for (const same of [`"${key}"`, `  ${key} `, `"${key}";version=1`]) {
      isReplay(await orders.send({ key: same }), first);
    }
    assert.equal(orders.runs, 1);
  },
  "key: other methods than POST and PATCH pass with it, every time, and without a store call": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }));
    const key = newKey();
    const methods = ["GET", "PUT", "DELETE", "GET"];
    for (const method of methods) isFirst(await orders.send({ key, method }), 200);
    assert.deepEqual([orders.runs, t.store.total], [methods.length, 0]);
  },
  "key: the methods that are guarded can be chosen, in any case": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }), { methods: ["put"] });
    const key = newKey();
    const first = await orders.send({ key, method: "PUT" });
    isReplay(await orders.send({ key, method: "PUT" }), first);
    isFirst(await orders.send({ key, method: "POST" }), 200);
    assert.equal(orders.runs, 2);
  },
};
