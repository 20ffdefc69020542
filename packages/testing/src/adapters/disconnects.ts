/** Clients that go away: the very case that retries are made for. It releases nothing. */
import assert from "node:assert/strict";
import { chunks, events, json } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey } from "./case.js";
import { isFirst, isNotKept, isRetryable, MARK } from "./checks.js";
import { gate } from "./deferred.js";
import type { RouteAnswer } from "./harness.js";

/** The client leaves when it has seen the first part. */
async function leavesMidStream(
  t: AdapterCase,
  answer: (parts: AsyncIterable<string>) => RouteAnswer,
): Promise<void> {
  const left = gate();
  async function* parts() {
    yield "first";
    await left.opened;
    yield "second";
  }
  const orders = await t.orders((call) => {
    void call.gone().then(left.open);
    return answer(parts());
  });
  try {
    const key = newKey();
    const streaming = orders.begin({ key });
    await streaming.received("first");
    streaming.cut();
    await t.store.answered("complete");
    isNotKept(await orders.send({ key }));
    assert.equal(orders.runs, 1);
  } finally {
    left.open();
  }
}

export const disconnectCases: AdapterCases = {
  "disconnect: while the route works, it ends its work once, and the retry gets its response": async (t) => {
    const working = gate();
    const left = gate();
    const orders = await t.orders(async (call) => {
      void call.gone().then(left.open);
      await working.opened;
      return json({ run: orders.runs }, 201);
    });
    const key = newKey();
    const first = orders.begin({ key, body: "once" });
    await orders.started(1);
    first.cut();
    await left.opened;
    isRetryable(await orders.send({ key, body: "once" }), 409, "request_in_progress");
    assert.deepEqual([t.store.calls.release, t.store.calls.complete], [0, 0]);
    working.open();
    await t.store.answered("complete");
    const retry = await orders.send({ key, body: "once" });
    assert.deepEqual([retry.status, retry.header(MARK), retry.json()], [201, "true", { run: 1 }]);
    assert.equal(orders.runs, 1);
  },
  "disconnect: while the route works, a response that is not to be stored is released": async (t) => {
    const working = gate();
    const orders = await t.orders(async (call) => {
      if (orders.runs > 1) return json({});
      void call.gone().then(working.open);
      await working.opened;
      return json({}, 500);
    });
    const key = newKey();
    const first = orders.begin({ key });
    await orders.started(1);
    first.cut();
    await t.store.answered("release");
    isFirst(await orders.send({ key }), 200);
    assert.equal(orders.runs, 2);
  },
  "disconnect: in the middle of events, the key is not stuck, and the route does not run again": (t) =>
    leavesMidStream(t, events),
  "disconnect: in the middle of a stream, the key is not stuck, and the route does not run again": (t) =>
    leavesMidStream(t, chunks),
  "disconnect: in the middle of the request's body, nothing runs, and the whole request does": async (t) => {
    const orders = await t.orders(async (call) => json([(await call.bytes()).byteLength]));
    const key = newKey();
    const body = Buffer.alloc(50_000, "x");
    const headers = [["Content-Type", "application/octet-stream"]] as const;
    const half = orders.begin({ key, body, headers, stopAfter: 25_000 });
    // It is on its way when others are through.
    isFirst(await orders.send({ key: newKey(), headers }), 200);
    half.cut();
    await assert.rejects(half.reply);
    const reply = await orders.send({ key, body, headers });
    isFirst(reply, 200);
    assert.deepEqual([reply.json(), orders.runs], [[50_000], 2]);
  },
};
