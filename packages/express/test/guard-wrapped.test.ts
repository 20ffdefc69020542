/** Middleware that wraps the response, mounted before the guard and after it. */
import { gunzipSync } from "node:zlib";
import { HooklatchError } from "@hooklatch/core";
import compression from "compression";
import type { RequestHandler } from "express";
import { describe, expect, test } from "vitest";
import { guarding, holding } from "./support/guarding.js";
import { type Answer, MAJORS } from "./support/server.js";

const TEXT = "Order ".repeat(2_000);
const gzip = { headers: { "accept-encoding": "gzip" } };
const compress = compression() as RequestHandler;
const decoded = ({ headers, body }: Answer): string =>
  (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();

/** As express-session: holds the last byte until something asynchronous is done, and sets a cookie when the head leaves. */
function session(): RequestHandler {
  return (_request, response, next) => {
    const { write, end, writeHead } = response;
    let ended = false;
    response.writeHead = ((...args: Parameters<typeof writeHead>) => {
      response.setHeader("set-cookie", "sid=1");
      return writeHead.apply(response, args);
    }) as typeof writeHead;
    response.end = ((chunk?: unknown, encoding?: BufferEncoding) => {
      if (ended) return false;
      ended = true;
      (response as unknown as { _implicitHeader(): void; _header: unknown })._header ||
        (response as unknown as { _implicitHeader(): void })._implicitHeader();
      const bytes = Buffer.from((chunk as string) ?? "", encoding);
      if (bytes.length > 0) write.call(response, bytes.subarray(0, -1), "utf8");
      setImmediate(() => end.call(response, bytes.subarray(-1), "utf8"));
      return true;
    }) as never;
    next();
  };
}

describe.each(MAJORS)("%s", (_, express) => {
  describe.each<[string, "before" | "after"]>([
    ["before the guard", "before"],
    ["after the guard", "after"],
  ])("compression %s", (_name, where) => {
    test.each<[string, RequestHandler]>([
      ["send", (_, r) => void r.type("text").send(TEXT)],
      [
        "write and end",
        (_, r) => {
          r.type("text");
          r.write(TEXT.slice(0, 5_000));
          r.end(TEXT.slice(5_000));
        },
      ],
      ["writeHead and end", (_, r) => void r.writeHead(200, { "content-type": "text/plain" }).end(TEXT)],
      [
        "writeHead with its length",
        (_, r) =>
          void r.writeHead(200, { "content-type": "text/plain", "content-length": TEXT.length }).end(TEXT),
      ],
    ])("%s: first response and duplicates can be read", async (_route, route) => {
      const server = await guarding(express, route, { [where]: [compress] });
      const first = await server.send("k", gzip);
      expect([first.headers["content-encoding"], decoded(first)]).toEqual(["gzip", TEXT]);
      const again = await server.send("k", gzip);
      expect([again.headers["content-encoding"], decoded(again)]).toEqual(["gzip", TEXT]);
      expect(decoded(await server.send("k"))).toBe(TEXT);
      const identity = await server.send("other");
      expect([identity.headers["content-encoding"], decoded(identity)]).toEqual([undefined, TEXT]);
      const packed = await server.send("other", gzip);
      // Before the guard it compresses what it is given, replays too; after it the first response is what it was.
      expect(packed.headers["content-encoding"]).toBe(where === "before" ? "gzip" : undefined);
      expect(decoded(packed)).toBe(TEXT);
      expect(server.runs()).toBe(2);
    });

    test("a flushed stream: each part comes at once, and all of it can be decoded", async () => {
      const held = holding("complete");
      const route: RequestHandler = (_, r) => {
        r.type("text/event-stream").write("data: 1\n\n");
        (r as unknown as { flush(): void }).flush();
        r.end("data: 2\n\n");
      };
      const server = await guarding(express, route, { [where]: [compress], store: held.store });
      const answer = server.send("k", gzip);
      await held.reached();
      held.letGo();
      expect(decoded(await answer)).toBe("data: 1\n\ndata: 2\n\n");
      expect((await server.send("k", gzip)).status).toBe(409);
    });

    test("the answer that stands in for one that was not stored arrives", async () => {
      const server = await guarding(express, (_, r) => void r.type("text").send(TEXT), {
        [where]: [compress],
        store: refusing(),
      });
      const answer = await server.send("k", gzip);
      expect(answer.status).toBe(503);
      expect(JSON.parse(decoded(answer))).toMatchObject({ code: "outcome_unknown" });
    });
  });

  describe.each<[string, "before" | "after"]>([
    ["before the guard", "before"],
    ["after the guard", "after"],
  ])("a session %s", (_name, where) => {
    test.each<[string, RequestHandler]>([
      ["json", (_, r) => void r.json({ a: 1 })],
      [
        "write and end",
        (_, r) => {
          r.write("a");
          r.end("b");
        },
      ],
      ["writeHead and end", (_, r) => void r.writeHead(201).end("ab")],
      ["nothing", (_, r) => void r.status(204).end()],
    ])("%s: the cookie is the first client's, the bytes are everybody's", async (_route, route) => {
      const server = await guarding(express, route, { [where]: [session()] });
      const first = await server.send("k");
      const again = await server.send("k");
      expect(first.headers["set-cookie"]).toEqual(["sid=1"]);
      // Before the guard it is asked again, for each response.
      expect(again.headers["set-cookie"]).toEqual(where === "before" ? ["sid=1"] : undefined);
      expect([again.status, again.body]).toEqual([first.status, first.body]);
    });

    test("the answer that stands in for one that was not stored arrives", async () => {
      const server = await guarding(express, (_, r) => void r.json({ a: 1 }), {
        [where]: [session()],
        store: refusing(),
      });
      expect((await server.send("k")).json()).toMatchObject({ code: "outcome_unknown" });
    });
  });

  test.each<[string, RequestHandler]>([
    ["implied", (_, r) => void r.end("x")],
    ["its own", (_, r) => void r.writeHead(200).end("x")],
    ["of a stream", (_, r) => void r.flushHeaders()],
  ])("who wraps writeHead is called once, and what it adds counts; the head is %s", async (_name, route) => {
    let calls = 0;
    const wrap: RequestHandler = (_request, response, next) => {
      const { writeHead } = response;
      response.writeHead = ((status: number) => {
        calls++;
        return writeHead.call(response, status, { "content-language": "de" });
      }) as typeof writeHead;
      next();
      if (!response.writableEnded) setImmediate(() => response.end());
    };
    const server = await guarding(express, route, { after: [wrap] });
    const plain = await server.plain();
    calls = 0;
    const first = await server.send("k");
    expect(calls).toBe(1);
    expect([first.headers["content-language"], first.headers["content-length"]]).toEqual([
      "de",
      plain.headers["content-length"],
    ]);
    const again = await server.send("k");
    if (again.status !== 409) expect(again.headers["content-language"]).toBe("de");
  });

  test("headers of other middleware stay on an answer of the guard's own, those of the route don't", async () => {
    const frame: RequestHandler = (_request, response, next) => {
      response.setHeader("x-frame-options", "DENY").setHeader("x-route", "before");
      next();
    };
    const route: RequestHandler = (_, r) => void r.set("x-route", "route").set("x-other", "1").send("x");
    const server = await guarding(express, route, { before: [frame], store: refusing() });
    const { status, headers } = await server.send("k");
    expect(status).toBe(503);
    expect(headers).toMatchObject({ "x-frame-options": "DENY", "x-route": "before" });
    expect(headers).not.toHaveProperty("x-other");
    expect(headers.etag).toBeUndefined();
  });

  test.each<[string, RequestHandler]>([
    ["that is slow", (_, r) => void r.write("x")],
    ["that is flushed", (_, r) => r.flushHeaders()],
  ])("who fails when the head of a stream %s leaves harms this connection only", async (_name, route) => {
    const broken: RequestHandler = (_request, response, next) => {
      response.writeHead = (() => {
        throw new Error("broken");
      }) as never;
      next();
    };
    const server = await guarding(express, route, { before: [broken] });
    await expect(server.send("k")).rejects.toThrow(/hang up|ECONNRESET/);
  });

  test("who fails while the response leaves cuts this connection, and nothing else", async () => {
    const broken: RequestHandler = (_request, response, next) => {
      response.end = (() => {
        throw new Error("broken");
      }) as never;
      next();
    };
    const server = await guarding(express, (_, r) => void r.send("x"), { before: [broken] });
    await expect(server.send("k")).rejects.toThrow(/hang up|ECONNRESET/);
    expect(await server.record("k")).toMatchObject({ state: "completed" });
  });
});

/** A store that keeps claims, and says of no completion that it is kept. */
function refusing() {
  const held = holding("complete");
  held.letGo();
  return new Proxy(held.store, {
    get: (target, name) =>
      name === "complete"
        ? () => Promise.reject(new HooklatchError("store_closed", "x"))
        : Reflect.get(target, name),
  });
}
