/** The status: what a retry may change is not kept, everything else is. */
import assert from "node:assert/strict";
import { json, text } from "./answers.js";
import { type AdapterCases, newKey, type Orders } from "./case.js";
import { isFirst, isProblem, isReplay, MARK } from "./checks.js";

const NOT_STORED = [401, 403, 408, 409, 421, 423, 425, 429, 500, 502, 503, 599];

/** The route answers this status once, then 201. */
async function retried(orders: Orders, status: number): Promise<void> {
  const key = newKey();
  const body = String(status);
  const failed = await orders.send({ key, body });
  isFirst(failed, status);
  assert.equal(failed.text(), "not now");
  isProblem(await orders.send({ key, body: "another body" }), 422, "key_reused");
  const second = await orders.send({ key, body });
  isFirst(second, 201);
  isReplay(await orders.send({ key, body }), second);
}

export const statusCases: AdapterCases = {
  "status: 5xx, and what says who, when or how often, is released, still bound to its request": async (t) => {
    const seen = new Set<string>();
    const orders = await t.orders(async (call) => {
      const body = await call.text();
      if (seen.has(body)) return json({ body }, 201);
      seen.add(body);
      return text("not now", Number(body));
    });
    const headers = [["Content-Type", "text/plain"]] as const;
    const asText = { ...orders, send: (request: object) => orders.send({ ...request, headers }) };
    await Promise.all(NOT_STORED.map((status) => retried(asText, status)));
    assert.equal(orders.runs, 2 * NOT_STORED.length);
  },
  "status: 4xx of the route itself is stored": async (t) => {
    const orders = await t.orders(async (call) => text("no", Number(await call.text())));
    const headers = [["Content-Type", "text/plain"]] as const;
    const statuses = [400, 402, 404, 410, 418, 422];
    await Promise.all(
      statuses.map(async (status) => {
        const request = { key: newKey(), body: String(status), headers };
        const first = await orders.send(request);
        isFirst(first, status);
        isReplay(await orders.send(request), first);
      }),
    );
    assert.equal(orders.runs, statuses.length);
  },
  "status: shouldStore can keep everything (Stripe v1)": async (t) => {
    const orders = await t.orders(() => json({ error: "oops" }, 500), { shouldStore: () => true });
    const key = newKey();
    const first = await orders.send({ key });
    isFirst(first, 500);
    isReplay(await orders.send({ key }), first);
    assert.equal(orders.runs, 1);
  },
  "status: shouldStore can keep successes only (Stripe v2), and is asked with the status": async (t) => {
    const asked: number[] = [];
    const shouldStore = (status: number): boolean => asked.push(status) > 0 && status < 300;
    const orders = await t.orders(() => json({}, orders.runs === 1 ? 422 : 200), { shouldStore });
    const key = newKey();
    isFirst(await orders.send({ key }), 422);
    const second = await orders.send({ key });
    isFirst(second, 200);
    isReplay(await orders.send({ key }), second);
    assert.deepEqual(asked, [422, 200]);
  },
  "status: a shouldStore that throws keeps the response": async (t) => {
    const shouldStore = (): boolean => {
      throw new Error("broken");
    };
    const orders = await t.orders(() => json({}, 500), { shouldStore });
    const key = newKey();
    const first = await orders.send({ key });
    assert.equal(first.header(MARK), undefined);
    isReplay(await orders.send({ key }), first);
  },
};
