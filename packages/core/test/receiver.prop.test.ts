/** `handle` never rejects, whatever is sent, and never blames itself for a wrong key. */
import { type HttpRequest, memoryStore, readIdempotencyKey } from "@hooklatch/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOf } from "./support/outcome.js";
import { receiving } from "./support/receiving.js";

const value = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ maxLength: 40 }).map((text) => `"${text}"`),
  fc.constantFrom('"k"', "k", "a, b", "", '"', "\0", "\r\n", "\ud800", "__proto__", "k".repeat(300)),
);
const name = fc.constantFrom(
  "idempotency-key",
  "content-type",
  "__proto__",
  "constructor",
  "x-a",
  "authorization",
  "toString",
);
const headers = fc
  .dictionary(name, fc.oneof(value, fc.array(value, { maxLength: 3 })), {
    noNullPrototype: false,
    maxKeys: 4,
  })
  .map((entries) => Object.assign(Object.create(null), entries) as HttpRequest["headers"]);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 60 }),
  fc.json({ maxDepth: 2 }).map((text) => new TextEncoder().encode(text)),
  fc
    .constantFrom("{", "null", '{"__proto__":{"a":1}}', "[".repeat(5_000))
    .map((text) => new TextEncoder().encode(text)),
);
const hostile = fc.record<HttpRequest>({
  method: fc.constantFrom("POST", "GET", "", "\0"),
  url: fc.string({ unit: "binary", maxLength: 30 }),
  basePath: fc.constantFrom("", "/a"),
  headers,
  body,
});

test("5 000 hostile requests: no rejection, no 5xx, 400 exactly for invalid keys", async () => {
  const receiver = receiving((event) => ({ length: event.body.byteLength, at: event.url }), {
    worker: false,
  });
  await fc.assert(
    fc.asyncProperty(hostile, async (request) => {
      const answer = await receiver.handle(request);
      const code = codeOf(() => readIdempotencyKey(request.headers));
      if (code === "invalid_key") expect(answer.status).toBe(400);
      else expect([200, 422]).toContain(answer.status);
      expect(({} as Record<string, unknown>).a).toBeUndefined();
    }),
    { numRuns: 5_000 },
  );
});

test("requests that are none at all, and functions of the app that throw anything, still get an answer", async () => {
  const thrown = fc.anything({
    withNullPrototype: true,
    withBigInt: true,
    withDate: true,
    withSparseArray: true,
  });
  const functions = fc.constantFrom("verify", "key", "tenant", "fingerprint", "redact", "handler");
  let scope = 0;
  const store = memoryStore();
  await fc.assert(
    fc.asyncProperty(thrown, functions, hostile, async (error, where, request) => {
      const fail = () => {
        throw error;
      };
      const receiver = receiving(where === "handler" ? fail : () => error, {
        store,
        worker: false,
        retry: false,
        scope: `s-${scope++}`,
        ...(where === "handler" ? {} : { [where]: fail }),
      });
      const answer = await receiver.handle(request);
      expect([200, 400, 401, 500]).toContain(answer.status);
      await receiver.close();
    }),
    { numRuns: 500 },
  );
});

test("a request that is no request", async () => {
  const receiver = receiving(() => {});
  for (const request of [undefined, null, {}, { body: "text" }, { body: new Uint8Array(0) }, 5]) {
    const answer = await receiver.handle(request as never);
    expect(answer.status).toBe(500);
  }
});
