/** Routes that throw: the framework answers, as it does without a guard, and the key is free again. */
import assert from "node:assert/strict";
import { broken, chunks, events, json, stream } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey, OPTIONS } from "./case.js";
import { isFirst, isNotKept, isProblem, isReplay, MARK, sameAnswer } from "./checks.js";
import type { Route, RouteAnswer } from "./harness.js";

async function released(t: AdapterCase, fail: Route): Promise<void> {
  let runs = 0;
  const route: Route = (call) => (++runs === 1 ? fail(call) : json({ runs }, 201));
  const app = await t.serve({
    guarded: [{ options: { store: t.store, ...OPTIONS }, routes: { "/orders": route } }],
    plain: { "/plain": fail },
  });
  const request = { headers: [["Idempotency-Key", newKey()]] as const };
  const failed = await app.open("/orders", request).reply;
  isFirst(failed, 500);
  sameAnswer(failed, await app.open("/plain", request).reply);
  isProblem(await app.open("/orders", { ...request, body: "other" }).reply, 422, "key_reused");
  const second = await app.open("/orders", request).reply;
  isFirst(second, 201);
  isReplay(await app.open("/orders", request).reply, second);
  assert.equal(runs, 2);
}

/** It breaks when its head, and perhaps a part of its body, is out. Whether it is completed or released by that, it is not stuck. */
async function notStuck(
  t: AdapterCase,
  answer: (parts: AsyncIterable<string>) => RouteAnswer,
): Promise<void> {
  async function* parts() {
    yield "first";
    throw broken();
  }
  const orders = await t.orders(() => (orders.runs === 1 ? answer(parts()) : json({ run: orders.runs })));
  const key = newKey();
  const failing = orders.begin({ key });
  await Promise.race([t.store.answered("complete"), t.store.answered("release")]);
  // Cut off, or ended early, as the framework does it.
  await failing.reply.catch(() => {});
  const released = t.store.calls.release > 0;
  const retry = await orders.send({ key });
  if (released) isFirst(retry, 200);
  else if (retry.status === 409) isNotKept(retry);
  else assert.equal(retry.header(MARK), "true");
  assert.equal(orders.runs, released ? 2 : 1);
}

export const errorCases: AdapterCases = {
  "error: a route that throws is answered by the framework, and released, bound to its request": (t) =>
    released(t, () => {
      throw broken();
    }),
  "error: a route that rejects is answered by the framework, and released, bound to its request": (t) =>
    released(t, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      throw broken();
    }),
  "error: thrown after the head was written, the key is not stuck": (t) => notStuck(t, chunks),
  "error: thrown by a stream after its first chunk, the key is not stuck": (t) => notStuck(t, stream),
  "error: thrown after the first event, the key is not stuck": (t) => notStuck(t, events),
};
