/** More than one guard on the way of a request, or the same one twice. */
import { memoryStore } from "@hooklatch/core";
import { idempotency } from "@hooklatch/express";
import type { Express, RequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { closing, listen, MAJORS, send } from "./support/server.js";

const sending = {
  headers: { "idempotency-key": "k", "content-type": "application/json" },
  body: '{"a":1}',
};

describe.each(MAJORS)("%s", (_, express) => {
  const guard = (scope: string, store = memoryStore(), options = {}) =>
    closing(idempotency({ scope, tenant: false, store, ...options })) as RequestHandler;

  async function answers(build: (app: Express, route: RequestHandler) => void) {
    const app = express();
    const run = vi.fn();
    build(app, (q, r) => {
      run();
      r.status(201).json({ got: q.body, ended: r.writableEnded });
    });
    const server = await listen(app);
    return { run, send: (with_ = sending) => send(server, "/orders", with_) };
  }

  test.each<[string, RequestHandler[]]>([
    ["nothing between them", []],
    ["a parser between them", [express.json()]],
  ])(
    "an outer and an inner guard, %s: both keep the response, and the body is whole",
    async (_what, between) => {
      const store = memoryStore();
      const server = await answers((app, route) => {
        app.use(guard("outer", store), ...between);
        app.post("/orders", guard("inner", store), express.json(), route);
      });
      for (let n = 0; n < 2; n++) {
        const answer = await server.send();
        expect([answer.status, answer.json()]).toEqual([201, { got: { a: 1 }, ended: false }]);
      }
      expect(server.run).toHaveBeenCalledOnce();
      for (const scope of ["outer", "inner"])
        expect(await store.get({ scope, key: "k" })).toMatchObject({ state: "completed" });
      expect((await server.send({ ...sending, body: '{"a":2}' })).status).toBe(422);
    },
  );

  test("the inner one has the smaller limit, and sees the body that the outer one saw", async () => {
    const server = await answers((app, route) => {
      app.use(guard("outer"));
      app.post("/orders", guard("inner", memoryStore(), { maxBodyBytes: 3 }), route);
    });
    const answer = await server.send();
    expect([answer.status, answer.json()]).toMatchObject([413, { code: "body_too_large" }]);
  });

  test("an outer one that reads no body", async () => {
    const server = await answers((app, route) => {
      app.use(guard("outer", memoryStore(), { fingerprint: false }));
      app.post("/orders", guard("inner"), express.json(), route);
    });
    for (let n = 0; n < 2; n++) expect((await server.send()).json()).toMatchObject({ got: { a: 1 } });
    expect(server.run).toHaveBeenCalledOnce();
  });

  test("a listener before two guards: once for each", async () => {
    let text = "";
    const server = await answers((app, route) => {
      app.use((q, _r, next) => {
        q.on("data", (chunk) => (text += chunk));
        next();
      });
      app.use(guard("outer"));
      app.post("/orders", guard("inner"), express.json(), route);
    });
    expect((await server.send()).json()).toMatchObject({ got: { a: 1 } });
    expect(text).toBe('{"a":1}');
  });

  test("the same guard twice: the request that it has let in goes on", async () => {
    const server = await answers((app, route) => {
      const one = guard("one");
      app.use(one);
      app.post("/orders", one, (_q, _r, next) => next("route"));
      app.post("/orders", one, express.json(), route);
    });
    for (let n = 0; n < 2; n++) {
      const answer = await server.send();
      expect([answer.status, answer.json()]).toMatchObject([201, { got: { a: 1 } }]);
    }
    expect(server.run).toHaveBeenCalledOnce();
  });
});
