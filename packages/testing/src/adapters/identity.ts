/** Identity: the same key means the same request of the same tenant, or nothing is replayed. */
import assert from "node:assert/strict";
import { json } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey, type OrderRequest, type Orders } from "./case.js";
import { isFirst, isProblem, isReplay } from "./checks.js";
import { gate } from "./deferred.js";
import type { RequestHead } from "./harness.js";

const TEXT = [["Content-Type", "text/plain"]] as const;
const GOOD: OrderRequest = { path: "/orders?a=1&b=2", body: "one", headers: TEXT };
const OTHERS: Record<string, OrderRequest> = {
  "another body": { ...GOOD, body: "two" },
  "another query": { ...GOOD, path: "/orders?a=1&b=3" },
  "the query in another order": { ...GOOD, path: "/orders?b=2&a=1" },
  "no query": { ...GOOD, path: "/orders" },
  "a slash at the end of its path": { ...GOOD, path: "/orders/?a=1&b=2" },
  "another method": { ...GOOD, method: "PATCH" },
};

/** Whatever else comes under the key is refused, and what it was for stays. */
async function mismatches(orders: Orders, key: string): Promise<void> {
  for (const [name, other] of Object.entries(OTHERS)) {
    const reply = await orders.send({ ...other, key });
    assert.equal(reply.status, 422, `${name}: ${reply.status} ${reply.text()}`);
    isProblem(reply, 422, "key_reused");
  }
  assert.equal(orders.runs, 1);
}

/** Each of these runs once, and each gets its own response back. */
async function apart(
  t: AdapterCase,
  pairs: readonly (readonly [tenant: string, key: string])[],
): Promise<void> {
  const orders = await t.orders((call) => json({ for: call.header("x-tenant"), run: orders.runs }), {
    tenant: (head) => head.header("x-tenant") ?? "",
  });
  const send = ([tenant, key]: readonly [string, string]) =>
    orders.send({ key, headers: [["X-Tenant", tenant]] });
  const firsts = [];
  for (const pair of pairs) firsts.push(await send(pair));
  for (const [n, pair] of pairs.entries()) {
    const first = firsts[n] as (typeof firsts)[number];
    isFirst(first, 200);
    assert.deepEqual(first.json(), { for: pair[0], run: n + 1 });
    isReplay(await send(pair), first);
  }
  assert.equal(orders.runs, pairs.length);
}

async function refusesTenant(
  t: AdapterCase,
  tenant: (head: RequestHead) => string | Promise<string>,
): Promise<void> {
  const orders = await t.orders(() => json({}), { tenant });
  isProblem(await orders.send({ key: newKey(), body: "one" }), 400, "invalid_tenant");
  assert.deepEqual([orders.runs, t.store.calls.claim], [0, 0]);
  // Without a key nobody has to be known.
  isFirst(await orders.send({ body: "one" }), 200);
}

export const identityCases: AdapterCases = {
  "identity: another body, query, path or method under the same key is refused, and what it was for stays":
    async (t) => {
      const orders = await t.orders((call) => json({ url: call.url }));
      const key = newKey();
      const first = await orders.send({ ...GOOD, key });
      isFirst(first, 200);
      await mismatches(orders, key);
      isReplay(await orders.send({ ...GOOD, key }), first);
    },
  "identity: the same while the first request is still running": async (t) => {
    const working = gate();
    const orders = await t.orders(async (call) => {
      await working.opened;
      return json({ url: call.url });
    });
    const key = newKey();
    const running = orders.begin({ ...GOOD, key });
    await orders.started(1);
    await mismatches(orders, key);
    working.open();
    const first = await running.reply;
    isFirst(first, 200);
    isReplay(await orders.send({ ...GOOD, key }), first);
    assert.equal(orders.runs, 1);
  },
  "identity: two routes of one guard never get each other's response": async (t) => {
    const options = { store: t.store, scope: "money", tenant: false } as const;
    const routes = { "/charge": () => json({ charged: true }), "/refund": () => json({ refunded: true }) };
    const app = await t.serve({ guarded: [{ options, routes }] });
    const request = { headers: [["Idempotency-Key", newKey()]] as const };
    isFirst(await app.open("/charge", request).reply, 200);
    isProblem(await app.open("/refund", request).reply, 422, "key_reused");
  },
  "identity: a fingerprint of one's own decides what is the same, by the original path": async (t) => {
    const seen: string[] = [];
    const orders = await t.orders(() => json({ run: orders.runs }), {
      fingerprint: ({ method, url, headers, body }) => {
        seen.push(`${method} ${url} ${headers["x-trace"]} ${Buffer.from(body)}`);
        return "always the same";
      },
    });
    const key = newKey();
    const first = await orders.send({ ...GOOD, key, headers: [...TEXT, ["X-Trace", "t1"]] });
    isReplay(await orders.send({ ...GOOD, key, body: "two" }), first);
    assert.deepEqual(seen, [
      `POST ${t.basePath}/orders?a=1&b=2 t1 one`,
      `POST ${t.basePath}/orders?a=1&b=2 undefined two`,
    ]);
  },
  "identity: the route sees the original path": async (t) => {
    const orders = await t.orders((call) => json([call.url]));
    const reply = await orders.send({ key: newKey(), path: "/orders?x=%20y" });
    assert.deepEqual(reply.json(), [`${t.basePath}/orders?x=%20y`]);
  },
  "tenant: the same key of two tenants runs twice": async (t) => {
    const key = newKey();
    await apart(t, [
      ["one", key],
      ["two", key],
    ]);
  },
  "tenant: with its key it is never taken for another pair of them": async (t) => {
    await apart(t, [
      ["a:b", "c"],
      ["a", "b:c"],
      ["a:b:c", "d"],
      ["1:a", "1"],
      ["1", "1:a"],
    ]);
  },
  "tenant: an asynchronous function may find it": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }), {
      tenant: async (head) => {
        await new Promise((resolve) => setImmediate(resolve));
        return head.header("x-tenant") ?? "";
      },
    });
    const key = newKey();
    const [one, two] = ["one", "two"].map((tenant) => ({ key, headers: [["X-Tenant", tenant]] as const }));
    const first = await orders.send({ ...one });
    isFirst(await orders.send({ ...two }), 200);
    isReplay(await orders.send({ ...one }), first);
    assert.equal(orders.runs, 2);
  },
  "tenant: where it is empty, the request is refused": (t) => refusesTenant(t, () => ""),
  "tenant: where it is no string, the request is refused": (t) =>
    refusesTenant(t, () => undefined as unknown as string),
  "tenant: where the function throws, the request is refused": (t) =>
    refusesTenant(t, () => {
      throw new TypeError("Cannot read properties of undefined");
    }),
  "tenant: where the function rejects, the request is refused": (t) =>
    refusesTenant(t, async () => {
      throw new TypeError("Cannot read properties of undefined");
    }),
};
