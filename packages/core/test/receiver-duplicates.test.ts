/** Many deliveries of one event at once. */
import { memoryStore, respond } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { faultyStore, noFaults } from "./support/faults.js";
import { expectProcessing, json, keyed, receiving, request, text } from "./support/receiving.js";

const copies = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe("20 copies at once", () => {
  test("one run; the others are told 202 or get the stored response", async () => {
    const handler = vi.fn(() => ({ order: 1 }));
    const receiver = receiving(handler);
    const answers = await Promise.all(copies(20, () => receiver.handle(request())));
    expect(handler).toHaveBeenCalledTimes(1);
    const completed = answers.filter((answer) => answer.status === 200);
    expect(completed.filter((answer) => answer.headers["idempotent-replayed"] === undefined)).toHaveLength(1);
    for (const answer of completed) expect(json(answer)).toEqual({ order: 1 });
    for (const answer of answers.filter((answer) => answer.status !== 200)) expectProcessing(answer);
  });

  test('whenRunning: "wait": all 20 get the same bytes', async () => {
    const { promise, open } = gate();
    const handler = vi.fn(() =>
      promise.then(() => respond(201, { order: 1 }, { location: "/1", "set-cookie": "a=1" })),
    );
    const store = faultyStore(memoryStore(), noFaults);
    const receiver = receiving(handler, { store, whenRunning: "wait", worker: false });
    const answers = Promise.all(copies(20, () => receiver.handle(request())));
    await eventually(() => store.calls.filter((call) => call.verb === "claim").length >= 20);
    open();
    const all = await answers;
    expect(handler).toHaveBeenCalledTimes(1);
    for (const answer of all) {
      expect(answer.status).toBe(201);
      expect(text(answer)).toBe('{"order":1}');
      expect(answer.headers.location).toBe("/1");
    }
    expect(all.filter((answer) => answer.headers["set-cookie"] !== undefined)).toHaveLength(1);
    expect(all.filter((answer) => answer.headers["idempotent-replayed"] === "true")).toHaveLength(19);
  });

  test('whenRunning: "wait" ends after waitMs with 202', async () => {
    const { promise, open } = gate();
    const receiver = receiving(() => promise, { whenRunning: "wait", waitMs: 30 });
    const first = receiver.handle(request());
    expectProcessing(await receiver.handle(request()));
    open();
    await first;
  });
});

describe("two bodies under one header key at once", () => {
  test("one 2xx and one 422 each time, never 202 for the other payload (50 rounds)", async () => {
    const receiver = receiving(async () => {});
    for (let round = 0; round < 50; round++) {
      const bodies = round % 2 === 0 ? ["one", "two"] : ["two", "one"];
      const answers = await Promise.all(bodies.map((body) => receiver.handle(keyed(`k-${round}`, body))));
      expect(answers.map((answer) => answer.status).sort()).toEqual([200, 422]);
    }
  });

  test('with whenRunning: "wait" too', async () => {
    const receiver = receiving(async () => {}, { whenRunning: "wait" });
    const answers = await Promise.all(["a", "b", "a"].map((body) => receiver.handle(keyed("k", body))));
    expect(answers.map((answer) => answer.status)).toEqual([200, 422, 200]);
  });
});

describe("above maxRunning", () => {
  test("202: stored, and a worker runs it", async () => {
    const { promise, open } = gate();
    const handler = vi.fn(() => promise);
    const receiver = receiving(handler, { maxRunning: 1 });
    const first = receiver.handle(request({ body: "1" }));
    expectProcessing(await receiver.handle(request({ body: "2" })));
    expect(handler).toHaveBeenCalledTimes(1);
    open();
    await first;
    await eventually(() => handler.mock.calls.length === 2);
  });
});

describe("what is replayed", () => {
  test("the allow-list of headers, and nothing else", async () => {
    const kept = {
      "content-type": "application/vnd.x+json",
      "content-encoding": "identity",
      "content-language": "de",
      "content-disposition": "inline",
      "cache-control": "no-store",
      etag: '"1"',
      "last-modified": "Tue, 24 Nov 2026 14:00:00 GMT",
      link: "</a>; rel=next",
      location: "/a",
    };
    const once = {
      "set-cookie": ["a=1", "b=2"],
      "www-authenticate": "Basic",
      "access-control-allow-origin": "https://a.example",
      "content-length": "2",
      connection: "close",
      "keep-alive": "timeout=5",
      "transfer-encoding": "chunked",
      upgrade: "h2c",
      trailer: "x",
      te: "trailers",
      date: "Tue, 24 Nov 2026 14:00:00 GMT",
      age: "1",
      expires: "0",
      vary: "cookie",
      server: "x",
      "retry-after": "5",
      "strict-transport-security": "max-age=1",
      "x-request-id": "r-1",
      authorization: "Bearer s",
    };
    const receiver = receiving(() => respond(200, "{}", { ...kept, ...once }));
    const first = await receiver.handle(request());
    expect({ ...first.headers }).toEqual({ ...kept, ...once });
    const second = await receiver.handle(request());
    expect({ ...second.headers }).toEqual({ ...kept, "idempotent-replayed": "true" });
  });

  test.each([
    ["empty", new Uint8Array(0)],
    ["not UTF-8, with NUL and line feeds", Uint8Array.of(0xff, 0, 10, 10, 0xfe, 13)],
    ["200 KiB", new Uint8Array(200 * 1024).fill(0xaa)],
  ])("body bytes: %s", async (_, bytes) => {
    const receiver = receiving(() => respond(200, bytes));
    const first = await receiver.handle(request());
    const second = await receiver.handle(request());
    expect(Buffer.compare(first.body as Uint8Array, bytes)).toBe(0);
    expect(Buffer.compare(second.body as Uint8Array, bytes)).toBe(0);
  });

  test.each([204, 205, 304])("a %d stays without a body", async (status) => {
    const receiver = receiving(() => respond(status, "ignored"));
    for (const answer of [await receiver.handle(request()), await receiver.handle(request())]) {
      expect(answer.status).toBe(status);
      expect(answer.body).toBeNull();
      expect(answer.headers).not.toHaveProperty("content-type");
    }
  });
});
