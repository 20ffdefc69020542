/** Whatever a client sends as its key and body, over real connections: an answer, never a 5xx, and no store call for a key that is none. */
import { connect } from "node:net";
import { memoryStore, readIdempotencyKey } from "@hooklatch/core";
import express from "express";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "../../core/test/support/outcome.js";
import { guarding } from "./support/guarding.js";
import { afterTest } from "./support/server.js";

/** What Node's parser lets into a header value: HTAB, and everything from SP on but DEL. Line ends and NUL never reach a route. */
const headerByte = fc.integer({ min: 0x20, max: 0xff }).filter((byte) => byte !== 0x7f);
const bytes = (unit: fc.Arbitrary<number>, maxLength: number) =>
  fc.array(unit, { maxLength }).map((all) => Buffer.from(all));
const text = (value: fc.Arbitrary<string>) => value.map((given) => Buffer.from(given, "latin1"));
const key = fc.oneof(
  bytes(fc.oneof(headerByte, fc.constant(9)), 30),
  text(fc.stringMatching(/^"[\x20-\x7e]{0,20}"$/)),
  text(fc.stringMatching(/^[A-Za-z0-9._~:+/=-]{1,40}$/)),
  text(fc.stringMatching(/^"[a-z\\"]{0,10}"?;?[a-z=?*0-9]{0,6}$/)),
  text(
    fc.constantFrom(
      "",
      '""',
      '"',
      '"\\"',
      '"a", "b"',
      "a,b",
      "__proto__",
      "constructor",
      "k".repeat(256),
      `"${"k".repeat(256)}"`,
      "?1",
      ":YQ==:",
      "(",
    ),
  ),
);
const type = fc.constantFrom(
  "application/json",
  "multipart/form-data; boundary=a",
  'multipart/form-data; boundary="--"',
  "multipart/form-data",
  "multipart/mixed; boundary=",
  "text/plain",
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 80 }).map((given) => Buffer.from(given)),
  fc.json({ maxDepth: 2 }).map((given) => Buffer.from(given)),
  fc.stringMatching(/^(--a(\r\n|--)?|[a-c\r\n-]{0,5}){0,6}$/).map((given) => Buffer.from(given)),
  fc.constantFrom("", '{"__proto__":{"a":1}}', "[".repeat(2_000)).map((given) => Buffer.from(given)),
);
const request = fc.record({
  keys: fc.array(key, { minLength: 1, maxLength: 2 }),
  type,
  body,
  chunked: fc.boolean(),
});
type Hostile = typeof request extends fc.Arbitrary<infer T> ? T : never;

function wire({ keys, type, body, chunked }: Hostile): Buffer {
  const chunk = body.length === 0 ? "" : `${body.length.toString(16)}\r\n`;
  return Buffer.concat([
    Buffer.from("POST /orders HTTP/1.1\r\nhost: x\r\n"),
    ...keys.flatMap((given) => [Buffer.from("idempotency-key:"), given, Buffer.from("\r\n")]),
    Buffer.from(`content-type: ${type}\r\n`),
    Buffer.from(
      chunked ? `transfer-encoding: chunked\r\n\r\n${chunk}` : `content-length: ${body.length}\r\n\r\n`,
    ),
    body,
    Buffer.from(chunked ? `${chunk === "" ? "" : "\r\n"}0\r\n\r\n` : ""),
  ]);
}

/** A connection that is kept: gives the status of the next answer. Each answer has a length. */
function talk(port: number): (request: Buffer) => Promise<number> {
  const socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  afterTest(() => socket.destroy());
  let heard = Buffer.alloc(0);
  let answered: ((status: number) => void) | undefined;
  const take = (): void => {
    const end = heard.indexOf("\r\n\r\n");
    if (end === -1) return;
    const head = heard.subarray(0, end).toString("latin1");
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (heard.length < end + 4 + length) return;
    heard = heard.subarray(end + 4 + length);
    answered?.(Number(head.slice(9, 12)));
  };
  socket.on("data", (data) => {
    heard = Buffer.concat([heard, data]);
    take();
  });
  return (data) =>
    new Promise((resolve, reject) => {
      answered = resolve;
      socket.once("close", () => reject(new Error("The server has closed the connection.")));
      socket.removeAllListeners("close").on("close", () => reject(new Error("The connection was closed.")));
      socket.write(data);
    });
}

test("20 000 hostile requests on kept connections", async () => {
  const store = memoryStore();
  let claims = 0;
  const counting = new Proxy(store, {
    get(target, name) {
      if (name === "claim") claims++;
      return Reflect.get(target, name);
    },
  });
  const server = await guarding(express, (_q, r) => void r.json({ a: 1 }), { store: counting });
  const asks = Array.from({ length: 8 }, () => talk(server.port));
  const seen = { answered: 0, invalid: 0 };
  // Sixteen a run: fast-check's own work is done while the connections are busy.
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 16, maxLength: 16 }), async (requests) => {
      for (let from = 0; from < requests.length; from += asks.length) {
        const batch = requests.slice(from, from + asks.length);
        const expected = batch.map(({ keys }) => {
          const values = keys.map((given) => given.toString("latin1").replace(/^[ \t]+|[ \t]+$/g, ""));
          return codeOf(() => readIdempotencyKey({ "idempotency-key": values })) === "invalid_key";
        });
        claims = 0;
        const statuses = await Promise.all(batch.map((each, n) => asks[n]?.(wire(each))));
        for (const [n, status] of statuses.entries()) {
          if (expected[n]) expect(status).toBe(400);
          else expect([200, 409, 422]).toContain(status);
          seen.invalid += expected[n] ? 1 : 0;
        }
        seen.answered += batch.length;
        expect(claims).toBe(expected.filter((invalid) => !invalid).length);
      }
      expect(({} as Record<string, unknown>).a).toBeUndefined();
    }),
    { numRuns: 1_250, endOnFailure: true },
  );
  expect(seen.answered).toBeGreaterThanOrEqual(20_000);
  expect(seen.invalid).toBeGreaterThan(2_000);
  expect(seen.answered - seen.invalid).toBeGreaterThan(2_000);
}, 60_000);
