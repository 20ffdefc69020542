/** What is not guarded goes on untouched; what is, is told apart by all of its path. */
import { IncomingMessage, ServerResponse } from "node:http";
import { memoryStore } from "@hooklatch/core";
import { idempotency } from "@hooklatch/express";
import type { RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { guarding, rawAnswer } from "./support/guarding.js";
import { closing, listen, MAJORS, send } from "./support/server.js";

const own = (object: object) => Reflect.ownKeys(object).map(String).sort();

describe.each(MAJORS)("%s", (_, express) => {
  test.each([
    ["another method", "PUT", "k"],
    ["GET", "GET", "k"],
    ["no key", "POST", undefined],
  ])(
    "%s: no property of the request or response is touched, no store is asked",
    async (_name, method, key) => {
      const seen: Record<string, unknown[]> = {};
      const store = memoryStore();
      const claim = vi.spyOn(store, "claim");
      const route: RequestHandler = (q, r) => {
        seen[q.path] = [
          own(r),
          own(q),
          [r.write, r.end, r.writeHead, r.flushHeaders].map(
            (method) =>
              Object.values(Object.getOwnPropertyDescriptors(ServerResponse.prototype)).some(
                ({ value }) => value === method,
              ) || method === Object.getPrototypeOf(ServerResponse.prototype)[method.name],
          ),
          r.eventNames().map((name) => [name, r.listenerCount(name)]),
          q.eventNames().map((name) => [name, q.listenerCount(name)]),
          [q.readableFlowing, q.readableDidRead, q.listenerCount("readable")],
        ];
        r.json({ a: 1 });
      };
      const server = await guarding(express, route, { store });
      const headers = key === undefined ? {} : { "idempotency-key": key };
      const guarded = await send(server, "/orders", { method, headers });
      const plain = await send(server, "/plain", { method, headers });
      expect(seen["/orders"]).toEqual(seen["/plain"]);
      expect(guarded.body).toEqual(plain.body);
      expect(claim).not.toHaveBeenCalled();
      expect(IncomingMessage.prototype).not.toHaveProperty("hooklatch");
    },
  );

  test("the same raw bytes", async () => {
    const route: RequestHandler = (_q, r) => {
      r.cookie("a", "1");
      r.write("a");
      r.end("b");
    };
    const server = await guarding(express, route);
    const untouched = await rawAnswer(server, "k", { method: "PUT" });
    expect(untouched).toBe(await rawAnswer(server, "k", { method: "PUT", path: "/plain" }));
    expect(untouched).toContain("200 OK");
  });

  test("required: 400 key_missing, and only for guarded methods", async () => {
    const server = await guarding(express, (_q, r) => void r.end(), { required: true, methods: ["post"] });
    const answer = await send(server, "/orders");
    expect([answer.status, answer.json()]).toMatchObject([400, { code: "key_missing", retryable: false }]);
    expect((await send(server, "/orders", { method: "PATCH" })).status).toBe(200);
  });

  test("a key sent twice, also as one that looks like one: 400, no store call", async () => {
    const store = memoryStore();
    const claim = vi.spyOn(store, "claim");
    const server = await guarding(express, (_q, r) => void r.end(), { store });
    for (const pair of [
      ["a", "b"],
      ["a", "a"],
      ['"a', 'b"'],
      ['"a"', '"b"'],
    ]) {
      const answer = await send(server, "/orders", { headers: { "idempotency-key": pair } });
      expect([answer.status, answer.json()], pair.join()).toMatchObject([400, { code: "invalid_key" }]);
    }
    expect([server.runs(), claim.mock.calls.length]).toEqual([0, 0]);
  });

  test("one guard for routers at /a and /b: path, trailing slash and query all count", async () => {
    const store = memoryStore();
    const guard = closing(idempotency({ store, scope: "all", tenant: false }));
    const router = express.Router();
    const seen: string[] = [];
    router.post("/orders", (q, r) => {
      seen.push(q.originalUrl);
      r.end(q.originalUrl);
    });
    const app = express();
    app.use(guard as RequestHandler);
    app.use("/a", router).use("/b", router);
    const server = await listen(app);
    const headers = { "idempotency-key": "k" };
    expect((await send(server, "/a/orders?x=1&y=2", { headers })).status).toBe(200);
    for (const path of [
      "/b/orders?x=1&y=2",
      "/a/orders?y=2&x=1",
      "/a/orders/?x=1&y=2",
      "/a/orders",
      "/A/orders?x=1&y=2",
    ])
      expect((await send(server, path, { headers })).status, path).toBe(422);
    expect((await send(server, "/a/orders?x=1&y=2", { headers })).body.toString()).toBe("/a/orders?x=1&y=2");
    expect(seen).toEqual(["/a/orders?x=1&y=2"]);
  });

  test("mounted inside of the routers, too", async () => {
    const app = express();
    const guard = closing(idempotency({ store: memoryStore(), scope: "all", tenant: false }));
    for (const path of ["/a", "/b"])
      app.use(
        path,
        express.Router().post("/orders", guard as RequestHandler, (q, r) => void r.end(q.originalUrl)),
      );
    const server = await listen(app);
    const headers = { "idempotency-key": "k" };
    expect((await send(server, "/a/orders", { headers })).status).toBe(200);
    expect((await send(server, "/b/orders", { headers })).status).toBe(422);
  });

  test("two tenants with one key each have their own response; an unknown one is refused", async () => {
    const store = memoryStore();
    const server = await guarding(express, (q, r) => void r.end(`for ${q.get("x-user")}`), {
      store,
      tenant: async (request) => {
        const user = request.headers["x-user"];
        if (user === "broken") throw new Error("secret");
        return user as string;
      },
    });
    for (const user of ["ann", "bob", "ann"]) {
      const answer = await server.send("k", { headers: { "x-user": user } });
      expect(answer.body.toString()).toBe(`for ${user}`);
    }
    expect(server.runs()).toBe(2);
    for (const user of [undefined, "", "broken"]) {
      const answer = await server.send("k", { headers: user === undefined ? {} : { "x-user": user } });
      expect([answer.status, answer.json()]).toMatchObject([400, { code: "invalid_tenant" }]);
      expect(answer.body.toString()).not.toContain("secret");
    }
  });
});
