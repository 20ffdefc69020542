/** The request's body: the guard has read it, and the route still can, whatever it is. */
import assert from "node:assert/strict";
import { json } from "./answers.js";
import { type AdapterCases, newKey, OPTIONS } from "./case.js";
import { isFirst, isProblem, isReplay } from "./checks.js";

type Headers = readonly (readonly [string, string])[];
const JSON_TYPE: Headers = [["Content-Type", "application/json"]];
const TEXT_TYPE: Headers = [["Content-Type", "text/plain; charset=utf-8"]];
const BYTES_TYPE: Headers = [["Content-Type", "application/octet-stream"]];

/** Every value of a byte, many times over, in no order that compresses or decodes. */
const NOISE = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, n) => (n * n * 31 + (n >> 3)) % 256));

const FILE = Buffer.from(Uint8Array.from({ length: 4_096 }, (_, n) => (n * 7) % 256));

function form(boundary: string): Buffer {
  return Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nnaïve ☕\r\n`),
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n`),
    Buffer.from("Content-Type: application/octet-stream\r\n\r\n"),
    FILE,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

const formType = (boundary: string): Headers => [
  ["Content-Type", `multipart/form-data; boundary=${boundary}`],
];

export const bodyCases: AdapterCases = {
  "body: JSON is readable by the route": async (t) => {
    const orders = await t.orders(async (call) => json((await call.json()) as object));
    const order = { text: "Zoë 🦊", list: [1, null, { deep: true }] };
    for (const chunked of [false, true]) {
      const request = { key: newKey(), headers: JSON_TYPE, body: JSON.stringify(order), chunked };
      const first = await orders.send(request);
      isFirst(first, 200);
      assert.deepEqual(first.json(), order);
      isReplay(await orders.send(request), first);
    }
  },
  "body: text is readable by the route": async (t) => {
    const orders = await t.orders(async (call) => json([await call.text()]));
    const reply = await orders.send({ key: newKey(), headers: TEXT_TYPE, body: "naïve café ☕\r\n" });
    assert.deepEqual(reply.json(), ["naïve café ☕\r\n"]);
  },
  "body: 200 KB of any bytes are readable by the route, and another byte is another request": async (t) => {
    const orders = await t.orders(async (call) => {
      const given = Buffer.from(await call.bytes());
      return json({ same: given.equals(NOISE), length: given.byteLength });
    });
    const key = newKey();
    const first = await orders.send({ key, headers: BYTES_TYPE, body: NOISE });
    isFirst(first, 200);
    assert.deepEqual(first.json(), { same: true, length: NOISE.byteLength });
    const other = Buffer.from(NOISE);
    other[150_000] = (other[150_000] as number) ^ 0x80;
    isProblem(await orders.send({ key, headers: BYTES_TYPE, body: other }), 422, "key_reused");
    // However it travels.
    isReplay(await orders.send({ key, headers: BYTES_TYPE, body: NOISE, chunked: true }), first);
  },
  "body: a form with a file is readable by the route, and the same with another boundary": async (t) => {
    const orders = await t.orders(async (call) => {
      const parts = await call.form();
      return json(
        parts.map(({ name, filename, bytes }) => [name, filename, Buffer.from(bytes).toString("base64")]),
      );
    });
    const key = newKey();
    const first = await orders.send({ key, headers: formType("one"), body: form("one") });
    isFirst(first, 200);
    assert.deepEqual(first.json(), [
      ["title", null, Buffer.from("naïve ☕").toString("base64")],
      ["file", "a.bin", FILE.toString("base64")],
    ]);
    isReplay(await orders.send({ key, headers: formType("two"), body: form("two") }), first);
    assert.equal(orders.runs, 1);
  },
  "body: none at all": async (t) => {
    const orders = await t.orders(async (call) => json([(await call.bytes()).byteLength]));
    const key = newKey();
    const first = await orders.send({ key });
    assert.deepEqual(first.json(), [0]);
    isReplay(await orders.send({ key }), first);
    isProblem(await orders.send({ key, headers: BYTES_TYPE, body: "x" }), 422, "key_reused");
  },
  "body: over maxBodyBytes it is refused, and leaves no trace": async (t) => {
    const orders = await t.orders(async (call) => json([(await call.bytes()).byteLength]), {
      maxBodyBytes: 1_000,
    });
    const key = newKey();
    for (const chunked of [false, true]) {
      const reply = await orders.send({ key, headers: BYTES_TYPE, body: NOISE.subarray(0, 1_001), chunked });
      isProblem(reply, 413, "body_too_large");
    }
    assert.deepEqual([orders.runs, t.store.total], [0, 0]);
    const fits = await orders.send({ key, headers: BYTES_TYPE, body: NOISE.subarray(0, 1_000) });
    isFirst(fits, 200);
    assert.deepEqual(fits.json(), [1_000]);
  },
  "body: with fingerprint false it may have any size, and any other one is the same request": async (t) => {
    const orders = await t.orders(async (call) => json([(await call.bytes()).byteLength]), {
      maxBodyBytes: 1_000,
      fingerprint: false,
    });
    const key = newKey();
    const first = await orders.send({ key, headers: BYTES_TYPE, body: NOISE });
    isFirst(first, 200);
    assert.deepEqual(first.json(), [NOISE.byteLength]);
    isReplay(await orders.send({ key, headers: BYTES_TYPE, body: "short" }), first);
  },
  "body: unread or read, the connection carries the next request": async (t) => {
    const routes = { "/orders": () => json({}) };
    const app = await t.serve({
      guarded: [{ options: { store: t.store, ...OPTIONS, required: true, maxBodyBytes: 250_000 }, routes }],
    });
    const key = newKey();
    const keyed = (...keys: string[]): Headers => [
      ...BYTES_TYPE,
      ...keys.map((one) => ["Idempotency-Key", one] as const),
    ];
    const requests: [status: number, headers: Headers, body: Buffer][] = [
      [200, keyed(key), NOISE],
      [400, keyed(), NOISE],
      [400, keyed("two words"), NOISE],
      [422, keyed(key), FILE],
      [400, keyed(key, key), FILE],
      [200, keyed(key), NOISE],
      [413, keyed(newKey()), Buffer.concat([NOISE, NOISE])],
      [200, keyed(newKey()), FILE],
    ];
    const replies = await app.converse(
      requests.map(([, headers, body]) => ({ path: "/orders", headers, body })),
    );
    assert.deepEqual(
      replies.map(({ status }) => status),
      requests.map(([status]) => status),
    );
  },
};
