/** Routes that fail, or take too long: no key is stuck, and nothing that was seen in part is run again. */
import { createReadStream } from "node:fs";
import { pipeline, Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { ErrorRequestHandler, RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "../../core/test/support/eventually.js";
import { becomes, guarding, holding } from "./support/guarding.js";
import { MAJORS } from "./support/server.js";

describe.each(MAJORS)("%s", (_, express) => {
  test.each<[string, RequestHandler]>([
    [
      "throws",
      () => {
        throw new Error("x");
      },
    ],
    ["passes an error on", (_q, _r, next) => next(new Error("x"))],
    ["passes an error on later", (_q, _r, next) => void setImmediate(() => next(new Error("x")))],
  ])("a route that %s: 500, and the key is free", async (_name, fail) => {
    let failing = true;
    const server = await guarding(express, (q, r, next) => (failing ? fail(q, r, next) : void r.end("ok")));
    expect((await server.send("k")).status).toBe(500);
    expect(await server.record("k")).toMatchObject({ state: "released" });
    failing = false;
    expect((await server.send("k")).body.toString()).toBe("ok");
    expect((await server.send("k", { body: "other" })).status).toBe(422);
  });

  test("an error handler's answer is a response like any other", async () => {
    const onError: ErrorRequestHandler = (error, _q, r, _next) => void r.status(Number(error.message)).end();
    let status = 404;
    const server = await guarding(
      express,
      () => {
        throw new Error(String(status));
      },
      { onError },
    );
    for (let n = 0; n < 2; n++) expect((await server.send("a")).status).toBe(404);
    expect(server.runs()).toBe(1);
    status = 503;
    for (let n = 0; n < 2; n++) expect((await server.send("b")).status).toBe(503);
    expect(server.runs()).toBe(3);
  });

  test("a route that fails when its head is out, and nothing of it has left: the key is free", async () => {
    const server = await guarding(express, (_q, r, next) => {
      r.write("part");
      next(new Error("x"));
    });
    await expect(server.send("k")).rejects.toThrow();
    await becomes(server, "released");
  });

  test("the same once a part has left: completed without a result", async () => {
    const server = await guarding(express, (_q, r, next) => {
      r.type("text/event-stream").write("data: 1\n\n");
      next(new Error("x"));
    });
    await expect(server.send("k")).rejects.toThrow();
    await becomes(server, "completed");
  });

  test("a source that fails half-way, in a pipeline: as a route that fails", async () => {
    const server = await guarding(express, (_q, r) => {
      const source = Readable.from(
        (async function* () {
          yield "part";
          await new Promise((resolve) => setImmediate(resolve));
          throw new Error("x");
        })(),
      );
      pipeline(source, r, () => {});
    });
    await expect(server.send("k")).rejects.toThrow();
    await becomes(server, "released");
  });

  test("a file that is not there", async () => {
    const server = await guarding(express, (_q, r, next) => {
      createReadStream(fileURLToPath(new URL("./nothing", import.meta.url)))
        .on("error", next)
        .pipe(r);
    });
    expect((await server.send("k")).status).toBe(500);
    await becomes(server, "released");
  });

  test.each<[string, RequestHandler]>([
    ["the server's", () => {}],
    ["the request's", (q) => void q.setTimeout(50)],
    ["the response's", (_q, r) => void r.setTimeout(50)],
  ])("%s time limit cuts a response that was begun: completed without a result", async (name, limit) => {
    const server = await guarding(express, (q, r, next) => {
      limit(q, r, next);
      r.write("part");
    });
    if (name === "the server's") server.server.setTimeout(50);
    await expect(server.send("k")).rejects.toThrow();
    await becomes(server, "completed");
  });

  test("a time limit before the route answers changes nothing", async () => {
    const closed = gate();
    const server = await guarding(express, async (_q, r) => {
      r.once("close", () => closed.open());
      r.setTimeout(30);
      await closed.promise;
      r.json({ a: 1 });
    });
    await expect(server.send("k")).rejects.toThrow();
    await becomes(server, "completed");
    expect((await server.send("k")).json()).toEqual({ a: 1 });
  });

  test("a middleware that answers 503 for a route that takes too long: not kept", async () => {
    const timeout: RequestHandler = (_q, _r, next) => {
      setTimeout(next, 20, Object.assign(new Error("timeout"), { status: 503 }));
      next();
    };
    const late = vi.fn();
    let isSlow = true;
    const server = await guarding(
      express,
      async (_q, r) => {
        if (!isSlow) return void r.end("ok");
        await eventually(() => r.headersSent, "the time limit");
        try {
          r.json({ a: 1 });
        } catch (error) {
          late((error as NodeJS.ErrnoException).code);
        }
      },
      { after: [timeout] },
    );
    expect((await server.send("k")).status).toBe(503);
    await eventually(() => late.mock.calls.length > 0, "the route to go on");
    expect(late).toHaveBeenCalledWith("ERR_HTTP_HEADERS_SENT");
    isSlow = false;
    await becomes(server, "released");
  });

  test("somebody else has answered while the key was claimed: the route does not run", async () => {
    const hold = holding("claim");
    let response: Parameters<RequestHandler>[1] | undefined;
    const keep: RequestHandler = (_q, r, next) => {
      response = r;
      next();
    };
    const server = await guarding(express, (_q, r) => void r.end("x"), { store: hold.store, before: [keep] });
    const answer = server.send("k");
    await hold.reached();
    response?.status(503).end("too late");
    expect((await answer).body.toString()).toBe("too late");
    hold.letGo();
    await becomes(server, "released");
    expect(server.runs()).toBe(0);
  });
});
