/** Responses that their own app destroys before the first byte, and clients that have gone before their route could run. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { memoryStore } from "@hooklatch/core";
import type { RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "../../core/test/support/eventually.js";
import { becomes, guarding, holding, requestText } from "./support/guarding.js";
import { dial, MAJORS } from "./support/server.js";

const DESTROYED: [how: string, route: RequestHandler][] = [
  ["a pipeline whose source fails", (_, r) => void pipeline(createReadStream("/nope"), r, () => {})],
  ["destroy(error)", (_, r) => void r.destroy(new Error("x"))],
  ["destroy()", (_, r) => void r.destroy()],
  ["destroy(), later", (_, r) => void setTimeout(() => r.destroy(), 20)],
];

describe.each(MAJORS)("%s", (_, express) => {
  test.each(DESTROYED)("%s before the first byte: released", async (_how, route) => {
    let fails = true;
    const server = await guarding(express, (q, r, next) => (fails ? route(q, r, next) : r.end("ok")));
    await expect(server.send("k", { body: "ab" })).rejects.toThrow();
    await becomes(server, "released");
    fails = false;
    expect((await server.send("k", { body: "ab" })).body.toString()).toBe("ok");
  });

  test("a route that ends a response within a second of its destruction: kept", async () => {
    const server = await guarding(express, (_q, r) => {
      r.destroy();
      setTimeout(() => r.status(201).end("ok"), 50);
    });
    await expect(server.send("k")).rejects.toThrow();
    await becomes(server, "completed");
    expect((await server.send("k")).body.toString()).toBe("ok");
  });

  test("closeAllConnections() while a route works: its key is not given away", async () => {
    const answer = gate();
    const server = await guarding(express, async (_q, r) => {
      await answer.promise;
      r.status(201).end("ok");
    });
    const first = server.send("k").catch(() => undefined);
    await becomes(server, "running");
    server.server.closeAllConnections();
    await first;
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect((await server.send("k")).status).toBe(409);
    answer.open();
    await becomes(server, "completed");
  });

  test("a client that left first, and a route that destroys what it left: it runs on", async () => {
    const answer = gate();
    const closed = gate();
    const server = await guarding(express, async (q, r) => {
      q.once("close", () => r.destroy());
      r.once("close", () => closed.open());
      await answer.promise;
      r.status(201).end("ok");
    });
    const line = dial(server);
    line.write(requestText("k"));
    await becomes(server, "running");
    line.socket.destroy();
    await closed.promise;
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect((await server.record("k"))?.state).toBe("running");
    answer.open();
    await becomes(server, "completed");
  });

  test.each(["", "ab"])(
    "clients that leave while they wait for another one: nothing runs (%o)",
    async (body) => {
      const answer = gate();
      const server = await guarding(
        express,
        async (_q, r) => {
          await answer.promise;
          r.status(500).end();
        },
        { whenRunning: "wait", waitMs: 5_000 },
      );
      const first = server.send("k", { body });
      await becomes(server, "running");
      const lines = Array.from({ length: 3 }, () => dial(server));
      for (const line of lines) line.write(requestText("k", { body }));
      const getConnections = () =>
        new Promise<number>((resolve) => server.server.getConnections((_error, count) => resolve(count)));
      await eventually(async () => (await getConnections()) === 4, "them to come");
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const line of lines) line.socket.destroy();
      await eventually(async () => (await getConnections()) === 1, "them to go");
      answer.open();
      expect((await first).status).toBe(500);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(server.runs()).toBe(1);
      await becomes(server, "released");
    },
  );

  test.each([
    ["402", 402, "completed"],
    ["404", 404, "completed"],
    ["400, as a parser or a route answers that has no body", 400, "released"],
  ])("a body that nobody wanted, its client gone: %s", async (_what, status, state) => {
    const charged = gate();
    const gone = vi.fn();
    const server = await guarding(
      express,
      async (q, r) => {
        q.once("close", gone);
        await charged.promise;
        r.status(status).end("declined");
      },
      { after: [express.json()] },
    );
    const line = dial(server);
    const headers = ["content-type: application/vnd.api+json"];
    line.write(requestText("k", { body: "{}", headers }));
    await becomes(server, "running");
    line.socket.destroy();
    await eventually(() => gone.mock.calls.length > 0, "the server to notice");
    charged.open();
    await becomes(server, state);
  });

  test("a client without a body that leaves while its key is claimed: nothing runs, and a retry does", async () => {
    const hold = holding("claim", memoryStore());
    const gone = vi.fn();
    const watch: RequestHandler = (q, _r, next) => {
      q.socket.once("close", gone);
      next();
    };
    const server = await guarding(express, (_q, r) => void r.end("ok"), {
      store: hold.store,
      before: [watch],
    });
    const line = dial(server);
    line.write(requestText("k"));
    await hold.reached();
    line.socket.destroy();
    await eventually(() => gone.mock.calls.length > 0, "the server to notice");
    hold.letGo();
    await becomes(server, "released");
    expect([(await server.send("k")).body.toString(), server.runs()]).toEqual(["ok", 1]);
  });
});
