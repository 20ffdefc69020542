/** Nothing that a client could take for a whole response leaves before the store has it. */
import { once } from "node:events";
import type { RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { eventually } from "../../core/test/support/eventually.js";
import { guarding, holding, requestText } from "./support/guarding.js";
import { dial, MAJORS } from "./support/server.js";

/** Time enough for what has left the server to arrive: a round trip on the same machine, several times. */
async function settled(line: { heard(): string }): Promise<string> {
  let before: string;
  do {
    before = line.heard();
    for (let n = 0; n < 20; n++) await new Promise((resolve) => setTimeout(resolve, 1));
  } while (line.heard() !== before);
  return before;
}

describe.each(MAJORS)("%s", (_, express) => {
  async function held(route: RequestHandler, options = {}, text = requestText("k")) {
    const hold = holding("complete");
    const server = await guarding(express, route, { ...options, store: hold.store });
    const line = dial(server);
    line.write(text);
    return { server, line, ...hold };
  }

  test.each<[string, RequestHandler]>([
    ["json", (_, r) => void r.json({ a: 1 })],
    [
      "write and end",
      (_, r) => {
        r.write("a");
        r.end("b");
      },
    ],
    ["204", (_, r) => void r.status(204).end()],
    [
      "204, its head flushed early",
      (_, r) => {
        r.status(204).flushHeaders();
        setImmediate(() => r.end());
      },
    ],
    [
      "304, written to, flushed",
      (_, r) => {
        r.status(304).write("x");
        r.flushHeaders();
        r.end();
      },
    ],
    [
      "length 0, its head flushed early",
      (_, r) => {
        r.set("content-length", "0").flushHeaders();
        r.end();
      },
    ],
    ["an empty event stream", (_, r) => void r.type("text/event-stream").end()],
    ["too large, all at once", (_, r) => void r.end("x".repeat(300_000))],
  ])("%s: no byte", async (_name, route) => {
    const { line, reached, letGo } = await held(route);
    await reached();
    expect(await settled(line)).toBe("");
    letGo();
    expect(await line.status()).toMatch(/200|204|304/);
  });

  test("HEAD, its head flushed early: no byte", async () => {
    const route: RequestHandler = (_, r) => {
      r.set("x-a", "1").flushHeaders();
      setImmediate(() => r.end());
    };
    const text = requestText("k", { method: "HEAD" });
    const { line, reached, letGo } = await held(route, { methods: ["HEAD"] }, text);
    await reached();
    expect(await settled(line)).toBe("");
    letGo();
    expect(await line.status()).toBe("200");
  });

  test.each<[string, RequestHandler, ends: RegExp]>([
    [
      "an event stream",
      (_, r) => {
        r.type("text/event-stream").write("data: 1\n\n");
        r.end("data: 2\n\n");
      },
      /data: 2\n\n\r\n0\r\n\r\n$/,
    ],
    [
      "a stream of announced length",
      (_, r) => {
        r.set("content-length", "4").flushHeaders();
        r.write("ab");
        r.write("cd");
        r.end();
      },
      /abcd$/,
    ],
    [
      "one whose length is in writeHead",
      (_, r) => {
        r.writeHead(200, { "content-length": "4" }).flushHeaders();
        r.write("abc");
        r.end("d");
      },
      /abcd$/,
    ],
    [
      "too large, piece by piece",
      (_, r) => {
        for (let n = 0; n < 10; n++) r.write("x".repeat(50_000));
        r.end("the end");
      },
      /the end\r\n0\r\n\r\n$/,
    ],
    [
      "too large, with its length",
      (_, r) => {
        r.set("content-length", "300007");
        for (let n = 0; n < 3; n++) r.write("x".repeat(100_000));
        r.write("the end");
        r.end();
      },
      /the end$/,
    ],
    [
      "ended twice",
      (_, r) => {
        r.type("text/event-stream").write("a");
        r.end("the end");
        r.end();
        r.end();
      },
      /the end\r\n0\r\n\r\n$/,
    ],
  ])("%s: all but its end", async (_name, route, ends) => {
    const { server, line, reached, letGo } = await held(route);
    await reached();
    const before = await settled(line);
    expect(before).toMatch(/^HTTP\/1\.1 200/);
    expect(before).not.toMatch(ends);
    letGo();
    await eventually(() => ends.test(line.heard()), "the end");
    const again = await server.send("k");
    expect([again.status, again.json()]).toMatchObject([409, { code: "result_not_kept", retryable: false }]);
    expect(server.runs()).toBe(1);
  });

  test("too large, all at once: it arrives, its duplicate is told", async () => {
    const resultNotKept = vi.fn();
    const server = await guarding(express, (_, r) => void r.end("x".repeat(1_001)), {
      maxResultBytes: 1_000,
      on: { resultNotKept },
    });
    expect((await server.send("k")).body.length).toBe(1_001);
    expect((await server.send("k")).json()).toMatchObject({ code: "result_not_kept" });
    expect(resultNotKept).toHaveBeenCalledOnce();
  });

  test("the first event arrives while the route goes on; so does what comes later", async () => {
    let response: Parameters<RequestHandler>[1] | undefined;
    const server = await guarding(express, (_, r) => {
      response = r.type("text/event-stream");
      r.write("data: 1\n\n");
    });
    const line = dial(server);
    line.write(requestText("k"));
    await eventually(() => line.heard().includes("data: 1"), "the first event");
    expect(await server.record("k")).toMatchObject({ state: "running" });
    response?.write("data: 2\n\n");
    await eventually(() => line.heard().includes("data: 2"), "the second event");
    response?.end();
    await eventually(() => line.heard().endsWith("0\r\n\r\n"), "the end");
  });

  test("what takes more than a second is a stream: it arrives as it comes", async () => {
    let response: Parameters<RequestHandler>[1] | undefined;
    const server = await guarding(express, (_, r) => {
      response = r;
      r.write("first");
    });
    const line = dial(server);
    line.write(requestText("k"));
    await eventually(() => line.heard().includes("first"), "what was held");
    expect(response?.writableEnded).toBe(false);
    response?.end("second");
    await eventually(() => line.heard().endsWith("0\r\n\r\n"), "the end");
    expect((await server.send("k")).json()).toMatchObject({ code: "result_not_kept" });
  });

  test("a stream feels the client's back-pressure, and an end that waits for it comes", async () => {
    const chunk = Buffer.alloc(1024 * 1024, "x");
    const waits = { drains: 0 };
    const server = await guarding(express, async (_, r) => {
      for (let n = 0; n < 20; n++) {
        if (r.write(chunk)) continue;
        waits.drains++;
        await once(r, "drain");
      }
      r.end();
    });
    expect((await server.send("k")).body.length).toBe(20 * chunk.length);
    expect(waits.drains).toBeGreaterThan(5);
  });

  test("server.close() while the store is asked: the response still arrives", async () => {
    const { server, line, reached, letGo } = await held((_, r) => void r.json({ a: 1 }));
    await reached();
    server.server.close();
    letGo();
    expect(await line.status()).toBe("200");
    expect(await eventually(() => /\{"a":1\}$/.test(line.heard()), "the body")).toBe(true);
  });

  test("the store does not confirm: 503 instead of a held response, a stream is cut", async () => {
    const hold = holding("complete");
    const options = { store: hold.store, leaseMs: 200 };
    const server = await guarding(
      express,
      (q, r) => {
        if (q.query.stream !== undefined) r.type("text/event-stream").write("data: 1\n\n");
        r.end("the end");
      },
      options,
    );
    const answer = await server.send("k", { path: "/orders" });
    expect([answer.status, answer.json()]).toMatchObject([503, { code: "outcome_unknown", retryable: true }]);
    expect(answer.headers["retry-after"]).toMatch(/^\d+$/);
    const line = dial(server);
    line.write(requestText("s", { path: "/orders?stream" }));
    await line.closed();
    expect(line.heard()).toContain("data: 1");
    expect(line.heard()).not.toContain("the end");
  });
});
