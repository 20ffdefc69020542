/** Requests at the same time: one of them runs the route. */
import assert from "node:assert/strict";
import { json } from "./answers.js";
import { type AdapterCases, newKey } from "./case.js";
import { isFirst, isReplay, isRetryable, MARK } from "./checks.js";
import { gate } from "./deferred.js";

const TOGETHER = 20;

export const concurrencyCases: AdapterCases = {
  "at once: of 20 equal requests one runs, the others are told to come back": async (t) => {
    const working = gate();
    const orders = await t.orders(async () => {
      await working.opened;
      return json({ run: orders.runs }, 201);
    });
    const key = newKey();
    let told = 0;
    const replies = Array.from({ length: TOGETHER }, async () => {
      const reply = await orders.send({ key, body: "same" });
      // Nobody but the one that runs has to wait for it.
      if (reply.status === 409 && ++told === TOGETHER - 1) working.open();
      return reply;
    });
    const all = await Promise.all(replies);
    const first = all.filter(({ status }) => status === 201);
    assert.equal(first.length, 1);
    for (const reply of all.filter(({ status }) => status !== 201)) {
      isRetryable(reply, 409, "request_in_progress");
    }
    assert.equal(orders.runs, 1);
    isReplay(await orders.send({ key, body: "same" }), first[0] as (typeof all)[number]);
  },
  'at once: of 20 equal requests one runs, and with whenRunning "wait" all get the same bytes': async (t) => {
    const working = gate();
    const orders = await t.orders(
      async () => {
        await working.opened;
        return json({ run: orders.runs }, 201);
      },
      { whenRunning: "wait" },
    );
    const key = newKey();
    const replies = Array.from({ length: TOGETHER }, () => orders.send({ key, body: "same" }));
    await t.store.answered("claim", TOGETHER);
    working.open();
    const all = await Promise.all(replies);
    const firsts = all.filter((reply) => reply.header(MARK) === undefined);
    assert.equal(firsts.length, 1);
    const first = firsts[0] as (typeof all)[number];
    isFirst(first, 201);
    for (const reply of all) if (reply !== first) isReplay(reply, first);
    assert.equal(orders.runs, 1);
  },
  'at once: with whenRunning "wait", a request that waited in vain is told to come back': async (t) => {
    const working = gate();
    const orders = await t.orders(
      async () => {
        await working.opened;
        return json({});
      },
      { whenRunning: "wait", waitMs: 30 },
    );
    const key = newKey();
    const running = orders.begin({ key });
    await orders.started(1);
    isRetryable(await orders.send({ key }), 409, "request_in_progress");
    working.open();
    isFirst(await running.reply, 200);
  },
  "at once: other keys do not wait for each other": async (t) => {
    const working = gate();
    const orders = await t.orders(async () => {
      if (orders.runs === 1) await working.opened;
      return json({});
    });
    const running = orders.begin({ key: newKey() });
    await orders.started(1);
    isFirst(await orders.send({ key: newKey() }), 200);
    working.open();
    isFirst(await running.reply, 200);
  },
};
