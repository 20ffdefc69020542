/** Responses that are not kept: too large, or streamed. They pass as they come, and their route never runs a second time. */
import assert from "node:assert/strict";
import { bytes, chunks, events, json, stream } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey } from "./case.js";
import { isFirst, isNotKept, isReplay, isRetryable } from "./checks.js";
import { gate } from "./deferred.js";
import type { RouteAnswer } from "./harness.js";

const LARGE = Buffer.alloc(100_000, "0123456789");

/** The route's first part is at the client before the second is made; meanwhile, and afterwards, nothing runs a second time. */
async function comesAsItIsMade(
  t: AdapterCase,
  answer: (parts: AsyncIterable<string>) => RouteAnswer,
  type: string,
): Promise<void> {
  const seen = gate();
  async function* parts() {
    yield "first";
    await seen.opened;
    yield "second";
  }
  const orders = await t.orders(() => answer(parts()));
  const key = newKey();
  const streaming = orders.begin({ key });
  const { status, header } = await streaming.head;
  assert.deepEqual([status, header("content-type")?.split(";")[0]], [200, type]);
  assert.ok(!(await streaming.received("first")).includes("second"));
  isRetryable(await orders.send({ key }), 409, "request_in_progress");
  seen.open();
  const whole = (await streaming.reply).text();
  assert.match(whole, /first[\s\S]*second/);
  isNotKept(await orders.send({ key }));
  assert.equal(orders.runs, 1);
}

async function passesWhole(t: AdapterCase, answer: RouteAnswer): Promise<void> {
  const orders = await t.orders(() => answer, { maxResultBytes: 1_000 });
  const key = newKey();
  const first = await orders.send({ key });
  isFirst(first, 200);
  assert.equal(first.body.compare(LARGE), 0);
  for (let n = 0; n < 2; n++) isNotKept(await orders.send({ key }));
  assert.equal(orders.runs, 1);
}

function parts(): string[] {
  return Array.from({ length: 100 }, (_, n) => LARGE.toString("latin1", n * 1_000, (n + 1) * 1_000));
}

export const streamCases: AdapterCases = {
  "large: a response over maxResultBytes passes whole, and is not run again": (t) =>
    passesWhole(t, bytes(LARGE)),
  "large: the same in chunks": (t) => passesWhole(t, chunks(parts())),
  "large: the same as a stream": (t) => passesWhole(t, stream(parts())),
  "large: a response of just maxResultBytes, with what is kept beside it, is replayed": async (t) => {
    const orders = await t.orders(() => bytes(LARGE), { maxResultBytes: LARGE.byteLength + 500 });
    const key = newKey();
    const first = await orders.send({ key });
    isReplay(await orders.send({ key }), first);
  },
  "large: one that is not to be stored is released": async (t) => {
    const orders = await t.orders(
      () => (orders.runs === 1 ? chunks(parts(), 503) : json({ run: orders.runs })),
      { maxResultBytes: 1_000 },
    );
    const key = newKey();
    const first = await orders.send({ key });
    isFirst(first, 503);
    assert.equal(first.body.compare(LARGE), 0);
    isFirst(await orders.send({ key }), 200);
  },
  "stream: an event is at the client before the route ends": (t) =>
    comesAsItIsMade(t, events, "text/event-stream"),
  "stream: a slow one passes as it is written": (t) => comesAsItIsMade(t, chunks, "text/plain"),
  "stream: a slow one passes as it is piped": (t) => comesAsItIsMade(t, stream, "text/plain"),
  "stream: a slow one that has announced its length is not over before its end is stored": (t) => {
    const length = String("firstsecond".length);
    return comesAsItIsMade(t, (parts) => stream(parts, 200, [["content-length", length]]), "text/plain");
  },
  "stream: one without events is not run again": async (t) => {
    async function* none() {}
    const orders = await t.orders(() => events(none()));
    const key = newKey();
    const first = await orders.send({ key });
    isFirst(first, 200);
    assert.equal(first.body.byteLength, 0);
    const again = await orders.send({ key });
    if (again.status === 409) isNotKept(again);
    else isReplay(again, first);
    assert.equal(orders.runs, 1);
  },
};
