/** Which key counts: the one that the app sees. The raw headers only tell whether it was sent twice. */
import type { HttpRequest } from "@hooklatch/core";
import type { RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { guarding, rawAnswer } from "./support/guarding.js";
import { MAJORS, send } from "./support/server.js";

describe.each(MAJORS)("%s", (_, express) => {
  const route: RequestHandler = (q, r) => void r.json({ body: q.body ?? null });

  test("a key that a middleware has set: claimed, replayed, and told to `fingerprint`", async () => {
    const seen: HttpRequest["headers"][] = [];
    const keyed: RequestHandler = (q, _r, next) => {
      q.headers["idempotency-key"] = q.headers["x-request-id"] as string;
      next();
    };
    const server = await guarding(express, route, {
      before: [keyed],
      after: [express.json()],
      fingerprint: ({ headers, body }) => {
        seen.push(headers);
        return body;
      },
    });
    const headers = { "x-request-id": "id-1", "content-type": "application/json" };
    for (let n = 0; n < 2; n++) {
      const answer = await send(server, "/orders", { headers, body: '{"a":1}' });
      expect([answer.status, answer.json()]).toEqual([200, { body: { a: 1 } }]);
    }
    expect([server.runs(), (await server.record("id-1"))?.state]).toEqual([1, "completed"]);
    expect(seen.map((each) => each["idempotency-key"])).toEqual(["id-1", "id-1"]);
  });

  test("one that a middleware has changed: the changed one", async () => {
    const prefixed: RequestHandler = (q, _r, next) => {
      q.headers["idempotency-key"] = `eu:${q.headers["idempotency-key"]}`;
      next();
    };
    const server = await guarding(express, route, { before: [prefixed] });
    expect((await server.send("k")).status).toBe(200);
    expect([await server.record("k"), (await server.record("eu:k"))?.state]).toEqual([
      undefined,
      "completed",
    ]);
  });

  test("one that a middleware has taken away: not guarded", async () => {
    const without: RequestHandler = (q, _r, next) => {
      delete q.headers["idempotency-key"];
      next();
    };
    const server = await guarding(express, route, { before: [without] });
    for (let n = 0; n < 2; n++) expect((await server.send("k")).status).toBe(200);
    expect([server.runs(), await server.record("k")]).toEqual([2, undefined]);
  });

  test.each([
    ['two halves that look like one: "a and b"', ['idempotency-key: "a', 'idempotency-key: b"']],
    ["the same one twice", ["idempotency-key: a", "Idempotency-Key: a"]],
  ])("sent more than once: %s", async (_what, headers) => {
    for (const before of [[], [rename]]) {
      const rejected = vi.fn();
      const server = await guarding(express, route, { before, on: { rejected } });
      const answer = await rawAnswer(server, "k", { headers });
      expect(answer).toMatch(/^HTTP\/1\.1 400 .*invalid_key/s);
      expect([server.runs(), (await server.stats()).running]).toEqual([0, 0]);
      expect(rejected).toHaveBeenCalledOnce();
    }
  });
});

const rename: RequestHandler = (q, _r, next) => {
  q.headers["idempotency-key"] = "one";
  next();
};
