/** A store that fails, and claims that are lost: what is not known to be harmless does not run again, and no success is told that was not stored. */
import assert from "node:assert/strict";
import { json, stream } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey, OPTIONS } from "./case.js";
import { away, replyLostOnce } from "./case-store.js";
import { isFirst, isReplay, isRetryable, MARK } from "./checks.js";
import { gate } from "./deferred.js";

const QUICK = { leaseMs: 300, storeTimeoutMs: 100 } as const;

/** Two processes on one store. The first works when its lease runs out, and the second takes over. */
async function takenOver(t: AdapterCase) {
  const [working, rivalWorking] = [gate(), gate()];
  const orders = await t.orders(async () => {
    await working.opened;
    return json({ by: "late" }, 201);
  });
  const taken = gate();
  const rival = await t.serve({
    guarded: [
      {
        options: { ...OPTIONS, store: t.store.again() },
        routes: {
          "/orders": async () => {
            taken.open();
            await rivalWorking.opened;
            return json({ by: "winner" });
          },
        },
      },
    ],
  });
  const key = newKey();
  const late = orders.begin({ key });
  await orders.started(1);
  t.store.advance(10 * 60_000);
  const winner = rival.open("/orders", { headers: [["Idempotency-Key", key]] });
  await taken.opened;
  return { orders, key, late, winner, finishFirst: working.open, finishRival: rivalWorking.open };
}

export const faultCases: AdapterCases = {
  "store: out of reach at the claim, nothing runs, and the request is to be sent again": async (t) => {
    const orders = await t.orders(() => json({}), QUICK);
    t.store.fault("claim", away);
    const key = newKey();
    isRetryable(await orders.send({ key }), 503, "store_unavailable");
    assert.equal(orders.runs, 0);
    t.store.fault("claim", undefined);
    isFirst(await orders.send({ key }), 200);
  },
  "store: silent at the claim, nothing runs, and the request is to be sent again": async (t) => {
    const orders = await t.orders(() => json({}), QUICK);
    t.store.fault("claim", () => new Promise(() => {}));
    isRetryable(await orders.send({ key: newKey() }), 503, "store_timeout");
    assert.equal(orders.runs, 0);
  },
  "store: a claim whose answer is lost is sent again, and the route runs once": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }));
    t.store.fault("claim", replyLostOnce());
    const key = newKey();
    const first = await orders.send({ key });
    isFirst(first, 200);
    assert.equal(t.store.calls.claim, 2);
    isReplay(await orders.send({ key }), first);
    assert.equal(orders.runs, 1);
  },
  "store: a completion whose answer is lost is sent again, and the response leaves": async (t) => {
    const orders = await t.orders(() => json({ run: orders.runs }));
    t.store.fault("complete", replyLostOnce());
    const key = newKey();
    const first = await orders.send({ key });
    isFirst(first, 200);
    assert.equal(t.store.calls.complete, 2);
    isReplay(await orders.send({ key }), first);
  },
  "store: where the completion cannot be stored, no success is told, and nothing runs while the lease lasts":
    async (t) => {
      const orders = await t.orders(() => json({ secret: "done" }, 201, [["set-cookie", "a=1"]]), QUICK);
      t.store.fault("complete", away);
      const key = newKey();
      const first = await orders.send({ key });
      isRetryable(first, 503, "outcome_unknown");
      assert.deepEqual([first.text().includes("done"), first.all("set-cookie")], [false, []]);
      isRetryable(await orders.send({ key }), 409, "request_in_progress");
      assert.equal(orders.runs, 1);
      t.store.fault("complete", undefined);
      t.store.advance(QUICK.leaseMs + 1);
      isFirst(await orders.send({ key }), 201);
      assert.equal(orders.runs, 2);
    },
  "store: where the end of a stream cannot be stored, it is cut off rather than ended": async (t) => {
    const orders = await t.orders(() => stream(["0".repeat(600), "1".repeat(600)]), {
      ...QUICK,
      maxResultBytes: 1_000,
    });
    t.store.fault("complete", away);
    await assert.rejects(orders.send({ key: newKey() }), /cut/);
    assert.equal(orders.runs, 1);
  },
  "store: where the release fails, the route's error is still answered": async (t) => {
    const orders = await t.orders(() => json({ mine: true }, 500), QUICK);
    t.store.fault("release", away);
    const reply = await orders.send({ key: newKey() });
    isFirst(reply, 500);
    assert.deepEqual(reply.json(), { mine: true });
  },
  "lease: one that lost its claim answers with the winner's stored response, never with its own": async (
    t,
  ) => {
    const { orders, key, late, winner, finishFirst, finishRival } = await takenOver(t);
    finishRival();
    const won = await winner.reply;
    isFirst(won, 200);
    finishFirst();
    isReplay(await late.reply, won);
    isReplay(await orders.send({ key }), won);
    assert.equal(orders.runs, 1);
  },
  "lease: one that lost its claim to a run that has not ended is to be sent again": async (t) => {
    const { late, winner, key, orders, finishFirst, finishRival } = await takenOver(t);
    finishFirst();
    isRetryable(await late.reply, 503, "claim_lost");
    finishRival();
    const won = await winner.reply;
    isFirst(won, 200);
    const replay = await orders.send({ key });
    assert.deepEqual([replay.header(MARK), replay.json()], ["true", { by: "winner" }]);
  },
  "close: new requests are refused, and a running one ends": async (t) => {
    const working = gate();
    const orders = await t.orders(async () => {
      await working.opened;
      return json({ run: orders.runs }, 201);
    });
    const key = newKey();
    const running = orders.begin({ key });
    await orders.started(1);
    const drained = orders.drain();
    isRetryable(await orders.send({ key: newKey() }), 503, "closed");
    assert.equal(orders.runs, 1);
    // What is not guarded goes on.
    working.open();
    isFirst(await orders.send({}), 201);
    const first = await running.reply;
    isFirst(first, 201);
    await drained;
    const next = await t.orders(() => json({ run: "again" }));
    isReplay(await next.send({ key }), first);
    assert.equal(next.runs, 0);
  },
};
