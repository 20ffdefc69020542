/** Events and results are bytes: what comes back is what went in. */
import assert from "node:assert/strict";
import type { IdempotencyStore, OperationId } from "@hooklatch/core";
import { bytes, claim, LONG, newOwner, onlyRun, record, sameBytes, take, wait } from "./acts.js";
import type { StoreCase, StoreCases } from "./case.js";

const payloads: Record<string, () => Uint8Array> = {
  "no bytes": () => new Uint8Array(0),
  "text with a NUL": () => bytes("a\u0000b\u0000"),
  "bytes that are not UTF-8": () =>
    new Uint8Array([0xff, 0xfe, 0xc3, 0x28, 0x80, 0x00, 0xed, 0xa0, 0x80, 0xef, 0xbb, 0xbf]),
  "every byte": () => new Uint8Array(256).map((_, n) => n),
  "what looks like a number, null or JSON": () => bytes('1e3"{null}"'),
  "1 MiB": () => new Uint8Array(1024 * 1024).map((_, n) => (n * 2_654_435_761) >>> 13),
};

/** The result that a duplicate gets. */
async function resultOf(store: IdempotencyStore, id: OperationId): Promise<Uint8Array | null> {
  const answer = await claim(store, id);
  assert.equal(answer.status, "completed");
  return answer.status === "completed" ? answer.result : null;
}

const roundTrips = Object.fromEntries(
  Object.entries(payloads).map(([what, make]) => [
    `payload: ${what} as event and result come back the same (§7)`,
    async (t: StoreCase) => {
      const [store, other] = [await t.open(), await t.open()];
      const payload = make();
      const { id } = await wait(store, t.id(), { event: payload });
      sameBytes((await record(other, id)).event, payload, "event of get");
      const { event, held } = await onlyRun(other, t.scope);
      sameBytes(event, payload, "event of claimDue");
      assert.equal(await other.complete({ ...held, result: payload, retentionMs: LONG }), true);
      sameBytes(await resultOf(store, id), payload, "result of claim");
      sameBytes((await record(store, id)).result, payload, "result of get");
    },
  ]),
);

export const payloadCases: StoreCases = {
  ...roundTrips,
  "payload: a result that is not kept is null, and not the same as one of no bytes (§7)": async (t) => {
    const store = await t.open();
    const [none, empty] = [await take(store, t.id()), await take(store, t.id())];
    assert.equal((await record(store, none.id)).result, undefined, "before the completion there is none");
    await store.complete({ ...none, result: null, retentionMs: LONG });
    await store.complete({ ...empty, result: new Uint8Array(0), retentionMs: LONG });
    assert.equal(await resultOf(store, none.id), null);
    assert.equal((await record(store, none.id)).result, null);
    sameBytes(await resultOf(store, empty.id), new Uint8Array(0), "result");
    sameBytes((await record(store, empty.id)).result, new Uint8Array(0), "result");
  },
  "payload: an event of no bytes is kept, unlike none (§7)": async (t) => {
    const store = await t.open();
    const [empty, none] = [
      await take(store, t.id(), { event: new Uint8Array(0) }),
      await take(store, t.id(), { event: undefined }),
    ];
    sameBytes((await record(store, empty.id)).event, new Uint8Array(0), "event");
    assert.equal((await record(store, none.id)).event, undefined);
    assert.equal(await store.release({ ...empty, retentionMs: LONG }), false);
    assert.equal(await store.release({ ...none, retentionMs: LONG }), true);
  },
  "payload: a view keeps its own part of the buffer (§7)": async (t) => {
    const store = await t.open();
    const whole = bytes("before|the part|after");
    const { id } = await wait(store, t.id(), { event: whole.subarray(7, 15) });
    const { event, held } = await onlyRun(store, t.scope);
    sameBytes(event, bytes("the part"), "event");
    await store.complete({ ...held, result: Buffer.from(whole.buffer, 7, 8), retentionMs: LONG });
    sameBytes(await resultOf(store, id), bytes("the part"), "result");
  },
  "payload: buffers may be reused once the call has ended, on both sides (§7)": async (t) => {
    const store = await t.open();
    const buffer = bytes("original");
    const { id } = await wait(store, t.id(), { event: buffer });
    buffer.fill(0);
    (await record(store, id)).event?.fill(1);
    const { event, held } = await onlyRun(store, t.scope);
    sameBytes(event, bytes("original"), "event");
    event.fill(2);
    sameBytes((await record(store, id)).event, bytes("original"), "event");
    const result = bytes("original");
    await store.complete({ ...held, result, retentionMs: LONG });
    result.fill(0);
    (await resultOf(store, id))?.fill(1);
    sameBytes(await resultOf(store, id), bytes("original"), "result");
  },
  "payload: of a completed operation the event is dropped, of a later life nothing is left (§3)": async (
    t,
  ) => {
    const store = await t.open();
    const held = await take(store, t.id(), { event: bytes("first") });
    await store.complete({ ...held, result: bytes("first result"), retentionMs: LONG });
    assert.equal((await record(store, held.id)).event, undefined);
    await store.delete(held.id);
    await take(store, held.id, { event: bytes("second"), owner: newOwner() });
    const found = await record(store, held.id);
    sameBytes(found.event, bytes("second"), "event");
    assert.equal(found.result, undefined);
  },
};
