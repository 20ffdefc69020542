/** `withIdempotency` as a route: bytes, paths, headers and answers, as they travel. */
import { Agent } from "node:http";
import {
  type HttpHandler,
  type HttpRequest,
  memoryDeadLetters,
  memoryStore,
  respond,
  type WebhookEvent,
} from "@hooklatch/core";
import { mount, withIdempotency } from "@hooklatch/express";
import type { ErrorRequestHandler } from "express";
import { describe, expect, test, vi } from "vitest";
import { afterTest, closing, listen, MAJORS, send } from "./support/server.js";

const quick = () => ({ store: memoryStore(), scope: "hooks", retry: { initialDelayMs: 1 } });

describe.each(MAJORS)("%s", (_, express) => {
  async function serving(handler: (event: WebhookEvent) => unknown, options = {}) {
    const app = express();
    const route = closing(withIdempotency(handler, { ...quick(), ...options }));
    app.post("/hooks", route);
    return { ...(await listen(app)), route };
  }

  test("first delivery, duplicate, other payload", async () => {
    const handler = vi.fn(() => respond(201, { id: 1 }, { location: "/1", "set-cookie": ["a=1", "b=2"] }));
    const server = await serving(handler);
    const headers = { "idempotency-key": '"k-1"' };
    const first = await send(server, "/hooks", { headers, body: "one" });
    expect([first.status, first.json()]).toEqual([201, { id: 1 }]);
    expect(first.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    const second = await send(server, "/hooks", { headers, body: "one" });
    expect(second.status).toBe(201);
    expect(second.body.equals(first.body)).toBe(true);
    expect(second.headers).toMatchObject({ location: "/1", "idempotent-replayed": "true" });
    expect(second.headers).not.toHaveProperty("set-cookie");
    const other = await send(server, "/hooks", { headers, body: "two" });
    expect(other.status).toBe(422);
    expect(other.headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(other.json()).toMatchObject({ code: "key_reused", status: 422 });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("body bytes arrive as they were sent: invalid UTF-8, NUL, empty, chunked", async () => {
    const server = await serving((event) => respond(200, event.body));
    const bytes = Uint8Array.of(0xff, 0xfe, 0, 10, 13, 0xc3, 0x28);
    for (const body of [bytes, new Uint8Array(0), new Uint8Array(300_000).fill(0xf0)]) {
      for (const headers of [{ "transfer-encoding": "chunked" }, { "content-length": body.byteLength }]) {
        const key = `k-${body.byteLength}-${Object.keys(headers)[0]}`;
        const answer = await send(server, "/hooks", {
          body,
          headers: { ...headers, "idempotency-key": key },
        });
        expect(answer.body.equals(Buffer.from(body))).toBe(true);
      }
    }
  });

  test("mounted in a router, the event has the original path and the base path", async () => {
    const app = express();
    const router = express.Router();
    const seen = vi.fn();
    router.post(
      "/stripe/:account",
      closing(withIdempotency(({ url, basePath, method }) => seen({ url, basePath, method }), quick())),
    );
    app.use("/api/v1", router);
    await send(await listen(app), "/api/v1/stripe/a%20b?x=1&x=2");
    expect(seen).toHaveBeenCalledWith({
      url: "/api/v1/stripe/a%20b?x=1&x=2",
      basePath: "/api/v1",
      method: "POST",
    });
  });

  test("works when express.raw() ran before, also for a compressed body", async () => {
    const { gzipSync } = await import("node:zlib");
    const app = express();
    app.use(express.raw({ type: "*/*" }));
    app.post("/hooks", closing(withIdempotency((event) => respond(200, event.body), quick())));
    const server = await listen(app);
    const body = Uint8Array.of(0xff, 0, 1);
    const headers = { "content-type": "application/json" };
    expect([...(await send(server, "/hooks", { body, headers })).body]).toEqual([0xff, 0, 1]);
    const packed = { "content-encoding": "gzip", "idempotency-key": "gz" };
    const answer = await send(server, "/hooks", {
      body: gzipSync("plain"),
      headers: { ...headers, ...packed },
    });
    expect(answer.body.toString()).toBe("plain");
    expect((await send(server, "/hooks")).status).toBe(200);
  });

  test("express.raw() before with a larger limit: our own limit counts", async () => {
    const app = express();
    app.use(express.raw({ type: "*/*" }));
    app.post("/hooks", closing(withIdempotency(() => {}, { ...quick(), maxBodyBytes: 3 })));
    const server = await listen(app);
    const headers = { "content-type": "text/plain" };
    expect((await send(server, "/hooks", { body: "1234", headers })).status).toBe(413);
    expect((await send(server, "/hooks", { body: "123", headers })).status).toBe(200);
  });

  test.each(["json", "text", "urlencoded"] as const)(
    "express.%s() before: 500 body_already_read with a way out, and nothing stored",
    async (parser) => {
      const app = express();
      app.use(parser === "urlencoded" ? express.urlencoded({ extended: false }) : express[parser]());
      const options = quick();
      const handler = vi.fn();
      app.post("/hooks", closing(withIdempotency(handler, { ...options, worker: false })));
      const server = await listen(app);
      const type = {
        json: "application/json",
        text: "text/plain",
        urlencoded: "application/x-www-form-urlencoded",
      };
      const answer = await send(server, "/hooks", { body: "{}", headers: { "content-type": type[parser] } });
      expect(answer.status).toBe(500);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(answer.json()).toMatchObject({ code: "body_already_read", status: 500, retryable: false });
      expect((answer.json() as { detail: string }).detail).toMatch(
        /express\.json\(\).*before.*express\.raw\(/s,
      );
      expect(await options.store.stats()).toMatchObject({ running: 0, waiting: 0, completed: 0, dead: 0 });
      expect(handler).not.toHaveBeenCalled();
      const other = await send(server, "/hooks", {
        body: "x",
        headers: { "content-type": "application/x-other" },
      });
      expect(other.status, "a type that the parser leaves alone").toBe(200);
    },
  );

  test("repeated Idempotency-Key headers: 400", async () => {
    const handler = vi.fn();
    const server = await serving(handler);
    for (const pair of [
      ["a", "b"],
      ["a", "a"],
      ['"a"', '"b"'],
    ]) {
      const answer = await send(server, "/hooks", { headers: { "idempotency-key": pair } });
      expect([answer.status, (answer.json() as { code: string }).code]).toEqual([400, "invalid_key"]);
    }
    expect(handler).not.toHaveBeenCalled();
  });

  test("repeated headers are a list in the event, with lower-case names", async () => {
    const seen = vi.fn();
    const server = await serving((event) => seen(event.headers["x-a"], event.headers["x-b"]));
    await send(server, "/hooks", { headers: { "X-A": ["1", "2"], "X-B": "3" } });
    expect(seen).toHaveBeenCalledWith(["1", "2"], "3");
  });

  test("HEAD: headers and length of the answer, no body, and the connection stays usable", async () => {
    const app = express();
    app.all("/hooks", closing(withIdempotency(() => ({ a: 1 }), quick())));
    const server = await listen(app);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    afterTest(() => agent.destroy());
    const head = await send(server, "/hooks", { method: "HEAD", agent });
    expect(head.status).toBe(200);
    expect(head.headers["content-length"]).toBe("7");
    expect(head.body).toHaveLength(0);
    const get = await send(server, "/hooks", { method: "GET", agent, headers: { "idempotency-key": "g" } });
    expect([get.json(), get.localPort]).toEqual([{ a: 1 }, head.localPort]);
  });

  test("one connection serves all kinds of answers, one after the other", async () => {
    const server = await serving((event) => {
      if (event.text() === "fail") throw new Error("x");
      return event.text() === "none" ? respond(204) : event.text();
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    afterTest(() => agent.destroy());
    const ports = new Set<number | undefined>();
    const bodies: [body: string, headers: Record<string, string>, status: number][] = [
      ["ok", {}, 200],
      ["ok", {}, 200],
      ["none", {}, 204],
      ["none", {}, 204],
      ["fail", {}, 500],
      ["bad key", { "idempotency-key": "a b" }, 400],
      ["ok", {}, 200],
    ];
    for (const [body, headers, status] of bodies) {
      const answer = await send(server, "/hooks", { body, headers, agent });
      expect(answer.status).toBe(status);
      ports.add(answer.localPort);
    }
    expect(ports.size).toBe(1);
  });

  test("headers that other middleware set before stay; one of ours wins", async () => {
    const app = express();
    app.use((_, response, next) => {
      response.setHeader("x-frame-options", "DENY").setHeader("content-type", "text/html");
      next();
    });
    app.post("/hooks", closing(withIdempotency(() => {}, quick())));
    const answer = await send(await listen(app));
    expect(answer.headers).toMatchObject({ "x-frame-options": "DENY", "content-type": "application/json" });
  });

  test("dead letters hold the event as it came", async () => {
    const deadLetters = memoryDeadLetters();
    const fail = () => {
      throw "a string";
    };
    const server = await serving(fail, { deadLetters });
    const answer = await send(server, "/hooks", { body: "poison" });
    expect(answer.json()).toMatchObject({ status: "dead_lettered" });
    const { letters } = await deadLetters.list();
    expect(letters[0]?.error).toEqual({ name: "NonError", message: "a string" });
  });

  describe("mount", () => {
    const handling = (handle: HttpHandler["handle"]): HttpHandler => ({ handle, maxBodyBytes: 100 });

    test("any HttpHandler under a base path, every method", async () => {
      const app = express();
      const seen: Partial<HttpRequest>[] = [];
      app.use(
        "/hooklatch",
        mount(
          handling(async ({ method, url, basePath, body }) => {
            seen.push({ method, url, basePath });
            return { status: 207, headers: { "x-a": ["1", "2"] }, body: body.byteLength > 0 ? body : null };
          }),
        ),
      );
      const server = await listen(app);
      const put = await send(server, "/hooklatch/letters/7?x=1", { method: "PUT", body: "abc" });
      expect([put.status, put.headers["x-a"], put.body.toString()]).toEqual([207, "1, 2", "abc"]);
      const get = await send(server, "/hooklatch", { method: "GET" });
      expect([get.status, get.body.length]).toEqual([207, 0]);
      expect(seen).toEqual([
        { method: "PUT", url: "/hooklatch/letters/7?x=1", basePath: "/hooklatch" },
        { method: "GET", url: "/hooklatch", basePath: "/hooklatch" },
      ]);
    });

    test("an error of the handler goes to the app's error handling", async () => {
      const broken = new Error("broken");
      const app = express();
      app.use("/a", mount(handling(() => Promise.reject(broken))));
      app.use(
        "/b",
        mount(
          handling(() => {
            throw broken;
          }),
        ),
      );
      app.use("/c", mount(handling(async () => ({ status: 200, headers: { "x-a": "b\r\nc" }, body: null }))));
      const errors: unknown[] = [];
      app.use(((error, _request, response, _next) => {
        errors.push(error);
        response.status(599).end();
      }) satisfies ErrorRequestHandler);
      const server = await listen(app);
      for (const path of ["/a", "/b", "/c"]) expect((await send(server, path)).status).toBe(599);
      expect(errors.slice(0, 2)).toEqual([broken, broken]);
    });

    test("a response that somebody else has sent is left alone, and is no error", async () => {
      const app = express();
      let handled!: Promise<unknown>;
      app.use((_request, response, next) => {
        response.write("mi");
        next();
        setImmediate(() => response.end("ne"));
      });
      const answer = { status: 500, headers: { "x-a": "b" }, body: null };
      app.use(mount(handling(() => (handled = Promise.resolve(answer)))));
      const errors = vi.fn();
      app.use(((error, _request, _response, _next) => errors(error)) satisfies ErrorRequestHandler);
      expect((await send(await listen(app))).body.toString()).toBe("mine");
      await handled;
      await new Promise((resolve) => setImmediate(resolve));
      expect(errors).not.toHaveBeenCalled();
    });

    test("the handler's own limit counts for a body that express.raw() read", async () => {
      const app = express();
      app.use(express.raw({ type: "*/*" }));
      const handle = vi.fn(async () => ({ status: 200, headers: {}, body: null }));
      app.use(mount(handling(handle)));
      const answer = await send(await listen(app), "/", {
        body: "x".repeat(101),
        headers: { "content-type": "text/plain" },
      });
      expect(answer.status).toBe(413);
      expect(handle).not.toHaveBeenCalled();
    });
  });
});
