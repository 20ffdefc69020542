/** The response: what a retry gets is what the route sent, byte for byte; and what the first client gets is that, too. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { bytes, chunks, empty, json, redirect, stream, text } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey, OPTIONS } from "./case.js";
import { isFirst, isReplay, sameAnswer } from "./checks.js";
import type { RouteAnswer } from "./harness.js";
import type { Reply } from "./reply.js";

/** Runs the route once, and once more without a guard, and asks for a replay; gives the first response. */
async function replays(t: AdapterCase, answer: () => RouteAnswer): Promise<Reply> {
  let runs = 0;
  const app = await t.serve({
    guarded: [
      {
        options: { store: t.store, ...OPTIONS },
        routes: {
          "/orders": () => {
            runs++;
            return answer();
          },
        },
      },
    ],
    plain: { "/plain": answer },
  });
  const request = {
    headers: [
      ["Idempotency-Key", newKey()],
      ["Content-Type", "application/json"],
    ] as const,
    body: '{"amount":1}',
  };
  const first = await app.open("/orders", request).reply;
  sameAnswer(first, await app.open("/plain", request).reply);
  for (let n = 0; n < 2; n++) isReplay(await app.open("/orders", request).reply, first);
  assert.equal(runs, 1);
  return first;
}

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, n) => n);

export const replayCases: AdapterCases = {
  "replay: JSON": async (t) => {
    const first = await replays(t, () => json({ id: 7, name: "Zoë 🦊" }, 201));
    isFirst(first, 201);
    assert.deepEqual(first.json(), { id: 7, name: "Zoë 🦊" });
  },
  "replay: text": async (t) => {
    const first = await replays(t, () => text("naïve café ☕"));
    assert.equal(first.text(), "naïve café ☕");
  },
  "replay: every value a byte can have": async (t) => {
    const type = [["content-type", "application/octet-stream"]] as const;
    const first = await replays(t, () => bytes(EVERY_BYTE, type));
    assert.deepEqual(new Uint8Array(first.body), EVERY_BYTE);
  },
  "replay: 200 without a body": async (t) => {
    const first = await replays(t, () => empty(200));
    assert.equal(first.body.byteLength, 0);
  },
  "replay: 204": async (t) => {
    const first = await replays(t, () => empty(204));
    assert.equal(first.status, 204);
  },
  "replay: 205": async (t) => {
    const first = await replays(t, () => empty(205));
    assert.deepEqual([first.status, first.body.byteLength], [205, 0]);
  },
  "replay: 304": async (t) => {
    const first = await replays(t, () => empty(304, [["etag", '"v1"']]));
    assert.equal(first.status, 304);
  },
  "replay: a redirect": async (t) => {
    const first = await replays(t, () => redirect("/orders/7"));
    assert.deepEqual([first.status, first.header("location")], [303, "/orders/7"]);
  },
  "replay: several chunks": async (t) => {
    const first = await replays(t, () => chunks(["one,", "", "two,", "é"]));
    assert.equal(first.text(), "one,two,é");
  },
  "replay: a stream": async (t) => {
    const first = await replays(t, () => stream(["one,", "two,", "é"]));
    assert.equal(first.text(), "one,two,é");
  },
  "replay: compressed bytes with their content-encoding": async (t) => {
    const zipped = gzipSync("compressed ".repeat(100));
    const headers = [
      ["content-encoding", "gzip"],
      ["content-type", "text/plain"],
    ] as const;
    const first = await replays(t, () => bytes(zipped, headers));
    assert.deepEqual(first.body, zipped);
    assert.equal(first.header("content-encoding"), "gzip");
  },
  "replay: several Set-Cookie reach the first client, and nobody else": async (t) => {
    const cookies = ["session=1; Path=/; HttpOnly", "theme=dark; Expires=Wed, 21 Oct 2065 07:28:00 GMT"];
    const headers = cookies.map((cookie) => ["set-cookie", cookie] as const);
    const first = await replays(t, () => json({ welcome: true }, 200, headers));
    assert.deepEqual(first.all("set-cookie"), cookies);
  },
  "replay: headers of the result stay, headers of the one response do not": async (t) => {
    const headers = [
      ["link", '<https://example.com/7>; rel="self"'],
      ["link", '<https://example.com/8>; rel="next"'],
      // Not in UTF-8: headers have bytes of their own.
      ["etag", '"na\u00efve"'],
      ["content-language", "de"],
      ["cache-control", "no-store"],
      ["x-request-id", "1"],
    ] as const;
    const orders = await t.orders(() => json({}, 200, headers));
    const key = newKey();
    const first = await orders.send({ key });
    assert.equal(first.header("x-request-id"), "1");
    const again = await orders.send({ key });
    isReplay(again, first);
    for (const name of ["link", "etag", "content-language", "cache-control"]) {
      const values = headers.filter(([one]) => one === name).map(([, value]) => value);
      // As one line or as several.
      assert.equal(first.all(name).join(", "), values.join(", "));
      assert.equal(again.all(name).join(", "), values.join(", "));
    }
    assert.equal(again.header("x-request-id"), undefined);
  },
};
