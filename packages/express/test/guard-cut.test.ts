/** Clients that disconnect: no key is stuck, and nothing that was seen in part is run again. */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import type { RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "../../core/test/support/eventually.js";
import { becomes, guarding, holding, requestText } from "./support/guarding.js";
import { dial, MAJORS } from "./support/server.js";

const CUTS: [how: string, cut: (socket: ReturnType<typeof dial>["socket"]) => unknown][] = [
  ["closes (FIN)", (socket) => socket.end()],
  ["resets (RST)", (socket) => socket.resetAndDestroy()],
  ["disappears", (socket) => socket.destroy()],
];

describe.each(MAJORS)("%s", (_, express) => {
  describe.each(CUTS)("a client that %s", (_how, cut) => {
    test("before the route answers: the route runs on, and its response is kept", async () => {
      const begun = gate();
      const answer = gate();
      const closed = vi.fn();
      const server = await guarding(express, async (_q, r) => {
        r.once("close", closed);
        begun.open();
        await answer.promise;
        r.status(201).json({ a: 1 });
      });
      const line = dial(server);
      line.write(requestText("k"));
      await begun.promise;
      cut(line.socket);
      await eventually(() => closed.mock.calls.length > 0, "the server to notice");
      expect((await server.send("k")).status).toBe(409);
      answer.open();
      await becomes(server, "completed");
      const again = await server.send("k");
      expect([again.status, again.json(), server.runs()]).toEqual([201, { a: 1 }, 1]);
    });

    test("after the first bytes of a stream: completed at once, without a result", async () => {
      const server = await guarding(express, (_q, r) => {
        r.type("text/event-stream").write("data: 1\n\n");
      });
      const line = dial(server);
      line.write(requestText("k"));
      await eventually(() => line.heard().includes("data: 1"), "the first event");
      cut(line.socket);
      await becomes(server, "completed");
      expect((await server.send("k")).json()).toMatchObject({ code: "result_not_kept" });
    });

    test("during a pipe of which nothing has left yet: completed within a second or two", async () => {
      const source = new PassThrough();
      const server = await guarding(express, (_q, r) => void source.pipe(r));
      const line = dial(server);
      line.write(requestText("k"));
      await eventually(() => server.runs() === 1, "the route");
      source.write("part");
      cut(line.socket);
      await becomes(server, "completed");
      expect((await server.send("k")).json()).toMatchObject({ code: "result_not_kept" });
    });

    test("while a held response grows too large: completed, though its route waits for ever", async () => {
      const closed = gate();
      const server = await guarding(express, async (_q, r) => {
        r.once("close", () => closed.open());
        r.write("part");
        await closed.promise;
        while (r.write("x".repeat(100_000)));
        await once(r, "drain");
      });
      const line = dial(server);
      line.write(requestText("k"));
      await eventually(() => server.runs() === 1, "the route");
      cut(line.socket);
      await becomes(server, "completed");
    });

    test("while the store is asked: the response is kept, and nothing is thrown", async () => {
      const hold = holding("complete");
      const closed = vi.fn();
      const route: RequestHandler = (_q, r) => void r.once("close", closed).json({ a: 1 });
      const server = await guarding(express, route, { store: hold.store });
      const line = dial(server);
      line.write(requestText("k"));
      await hold.reached();
      cut(line.socket);
      await eventually(() => closed.mock.calls.length > 0, "the server to notice");
      hold.letGo();
      await becomes(server, "completed");
      expect((await server.send("k")).json()).toEqual({ a: 1 });
    });

    test("while its key is claimed, its body not read yet: nothing runs, and a retry does", async () => {
      const hold = holding("claim");
      const gone = vi.fn();
      const watch: RequestHandler = (request, _r, next) => {
        request.once("close", gone);
        next();
      };
      const route: RequestHandler = (q, r) => void r.status(q.body?.id ? 201 : 400).end();
      const options = { store: hold.store, before: [watch], after: [express.json()] };
      const server = await guarding(express, route, options);
      const headers = ["content-type: application/json"];
      const line = dial(server);
      line.write(requestText("k", { body: '{"id":1}', headers }));
      await hold.reached();
      cut(line.socket);
      await eventually(() => gone.mock.calls.length > 0, "the server to notice");
      hold.letGo();
      await becomes(server, "released");
      const sending = { body: '{"id":1}', headers: { "content-type": "application/json" } };
      expect((await server.send("k", sending)).status).toBe(201);
      expect(server.runs()).toBe(1);
    });

    test("after that, but before a parser has read it: what the route refuses then is not kept", async () => {
      const authorised = gate();
      const gone = vi.fn();
      let slow = true;
      const authorise: RequestHandler = async (request, _r, next) => {
        request.once("close", gone);
        if (slow) await authorised.promise;
        slow = false;
        next();
      };
      const route: RequestHandler = (q, r) => void r.status(q.body?.id ? 201 : 400).end();
      const server = await guarding(express, route, { after: [authorise, express.json()] });
      const line = dial(server);
      line.write(requestText("k", { body: '{"id":1}', headers: ["content-type: application/json"] }));
      await becomes(server, "running");
      cut(line.socket);
      await eventually(() => gone.mock.calls.length > 0, "the server to notice");
      authorised.open();
      await becomes(server, "released");
      const sending = { body: '{"id":1}', headers: { "content-type": "application/json" } };
      expect((await server.send("k", sending)).status).toBe(201);
    });

    test("in the middle of its body: no claim, no run", async () => {
      const server = await guarding(express, (_q, r) => void r.end());
      const line = dial(server);
      line.write(requestText("k", { headers: ["content-length: 100"] }));
      line.write("half");
      cut(line.socket);
      await line.closed();
      expect((await server.send("k")).status).toBe(200);
      expect(server.runs()).toBe(1);
      expect(await server.record("k")).toMatchObject({ token: 1 });
    });
  });

  test("a client that is gone before the guard: no claim, no run", async () => {
    const closed = gate();
    const wait: RequestHandler = async (request, _r, next) => {
      if (request.headers["x-wait"] !== undefined) {
        request.once("close", () => closed.open());
        await closed.promise;
      }
      next();
    };
    const server = await guarding(express, (_q, r) => void r.end(), { before: [wait] });
    const line = dial(server);
    line.write(requestText("k", { body: "ab", headers: ["x-wait: 1"] }));
    line.socket.on("connect", () => setImmediate(() => line.socket.destroy()));
    await closed.promise;
    await new Promise((resolve) => setImmediate(resolve));
    expect([server.runs(), await server.record("k")]).toEqual([0, undefined]);
  });
});
