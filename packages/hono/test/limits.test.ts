/** Where something other than the route answers the request, and where its response cannot be taken. */
import { setTimeout as sleep } from "node:timers/promises";
import { type HttpBindings, serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type GuardOptions, memoryStore } from "@hooklatch/core";
import { idempotency } from "@hooklatch/hono";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import { compress } from "hono/compress";
import { logger } from "hono/logger";
import { streamSSE } from "hono/streaming";
import { timeout } from "hono/timeout";
import { validator } from "hono/validator";
import { afterEach, describe, expect, test, vi } from "vitest";

const guard = (options: Partial<GuardOptions<Context>> = {}) =>
  idempotency({ store: memoryStore(), scope: "orders", tenant: false, ...options });

async function post(app: Hono, init: RequestInit = {}) {
  const headers = { "idempotency-key": "k-1", ...init.headers };
  const answer = await app.request("/orders", { method: "POST", ...init, headers });
  return {
    status: answer.status,
    text: await answer.text(),
    headers: answer.headers,
    replayed: answer.headers.get("idempotent-replayed"),
  };
}

const race: MiddlewareHandler = async (c, next) => {
  const late = sleep(50).then(() => c.json({ accepted: true }, 202));
  return (await Promise.race([next(), late])) as Response | undefined;
};

/** Its own work after the answer takes time, so that the route ends before the answer is taken. */
const slowAfter: MiddlewareHandler = async (_c, next) => {
  await next();
  await sleep(250);
};

const retry = (c: Context, status: 400 | 504) => c.json({ slow: true }, status, { "content-language": "de" });

test.for<[string, number, (app: Hono) => void]>([
  ["timeout()", 504, (app) => app.use(timeout(50))],
  [
    "timeout() whose error is answered with a JSON 504",
    504,
    (app) => app.use(timeout(50)).onError((_e, c) => retry(c, 504)),
  ],
  [
    "timeout() whose error is answered with a 400",
    400,
    (app) => app.use(timeout(50)).onError((_e, c) => retry(c, 400)),
  ],
  ["a race that answers 202", 202, (app) => app.use(race)],
  [
    "timeout() below a logger",
    504,
    (app) =>
      app.use(
        logger(() => {}),
        timeout(50),
      ),
  ],
  [
    "timeout() below something that goes on for longer than the route",
    504,
    (app) => app.use(slowAfter, timeout(50)),
  ],
])("%s before the guard: the client has its answer, and the route's is kept", async ([, status, outside]) => {
  for (const inside of [undefined, logger(() => {}), validator("query", (value) => value)]) {
    let runs = 0;
    const app = new Hono();
    outside(app);
    app.use(guard());
    if (inside !== undefined) app.use(inside);
    app.post("/orders", async (c) => {
      runs++;
      await sleep(150);
      c.header("location", "/orders/1");
      return c.json({ charged: runs }, 201);
    });
    expect((await post(app)).status).toBe(status);
    await sleep(200);
    const again = await post(app);
    expect(again).toMatchObject({ status: 201, text: '{"charged":1}', replayed: "true" });
    expect(again.headers.get("location")).toBe("/orders/1");
    expect(again.headers.get("content-language")).toBeNull();
    expect(runs).toBe(1);
  }
});

test("a time limit that is reached when the route has answered, and something inside still adds to it", async () => {
  let runs = 0;
  const app = new Hono();
  app.use(timeout(50));
  app.use(guard());
  app.use(compress({ threshold: 0 }));
  app.use(async (c, next) => {
    await next();
    await sleep(150);
    c.header("location", "/orders/1");
  });
  app.post("/orders", (c) => c.json({ charged: ++runs }, 201));
  const headers = { "accept-encoding": "gzip" };
  const first = await post(app, { headers });
  expect([first.status, first.headers.get("location")]).toEqual([504, null]);
  await sleep(200);
  const again = await post(app, { headers });
  expect(again).toMatchObject({ status: 201, replayed: "true" });
  expect(again.headers.get("location")).toBe("/orders/1");
  expect(again.headers.get("content-encoding")).toBe("gzip");
});

test("two guards, a time limit between them: the outer one cannot tell what the route answered, and does not run it again", async () => {
  let runs = 0;
  const app = new Hono();
  app.use(guard(), timeout(50));
  app.post("/orders", guard({ scope: "inner" }), async (c) => {
    await sleep(150);
    return c.json({ charged: ++runs }, 201);
  });
  expect((await post(app)).status).toBe(503);
  await sleep(200);
  expect((await post(app)).status).toBe(409);
  expect(runs).toBe(1);
});

test("an SSE response that nobody will read does not hold its key", async () => {
  const app = new Hono();
  app.use(timeout(50));
  app.post("/orders", guard(), async (c) => {
    await sleep(100);
    return streamSSE(c, async (s) => {
      await s.writeSSE({ data: "one" });
      await sleep(20_000);
    });
  });
  expect((await post(app)).status).toBe(504);
  await sleep(150);
  expect(JSON.parse((await post(app)).text)).toMatchObject({ code: "result_not_kept" });
});

test("many at once, some of them too slow: each key has its own response", async () => {
  const app = new Hono();
  // Far apart, because 40 requests at once take their time on a busy machine.
  app.use(timeout(600));
  app.post("/orders", guard(), async (c) => {
    const id = c.req.header("idempotency-key");
    await sleep(Number(id?.slice(2)) % 2 === 0 ? 1_000 : 10);
    return c.json({ id }, 201);
  });
  const all = () =>
    Promise.all(
      Array.from({ length: 40 }, (_, i) => post(app, { headers: { "idempotency-key": `k-${i}` } })),
    );
  expect((await all()).map(({ status }) => status)).toEqual(
    Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 504 : 201)),
  );
  await sleep(700);
  expect((await all()).map(({ text, replayed }) => [text, replayed])).toEqual(
    Array.from({ length: 40 }, (_, i) => [JSON.stringify({ id: `k-${i}` }), "true"]),
  );
});

test("two guards, and a time limit before both: each keeps the route's response", async () => {
  let runs = 0;
  const app = new Hono();
  app.use(timeout(50));
  app.post("/orders", guard(), guard({ scope: "inner" }), async (c) => {
    await sleep(150);
    return c.json({ charged: ++runs }, 201);
  });
  expect((await post(app)).status).toBe(504);
  await sleep(200);
  expect(await post(app)).toMatchObject({ status: 201, text: '{"charged":1}', replayed: "true" });
});

test("a route that fails after its client has been answered: its error decides, and the client's answer stays", async () => {
  let runs = 0;
  const app = new Hono();
  app.use(timeout(50));
  app.post("/orders", guard(), async (c) => {
    if (++runs > 1) return c.text("ok");
    await sleep(100);
    throw new Error("broken");
  });
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  expect((await post(app)).status).toBe(504);
  await sleep(150);
  expect(silent).toHaveBeenCalled();
  silent.mockRestore();
  expect(await post(app)).toMatchObject({ status: 200, text: "ok", replayed: null });
});

test("a time limit that is reached while the key is claimed: what the guard answers comes too late, and harms nothing", async () => {
  const store = memoryStore();
  const slow = {
    ...store,
    claim: async (r: Parameters<typeof store.claim>[0]) => sleep(100).then(() => store.claim(r)),
  };
  let runs = 0;
  const app = new Hono();
  app.use(slowAfter, timeout(50));
  app.post("/orders", guard({ store: slow }), (c) => c.json({ charged: ++runs }, 201));
  expect((await post(app)).status).toBe(504);
  expect(await post(app)).toMatchObject({ status: 504 });
  expect(runs).toBe(1);
});

/** Hosts such as Workers without Node's API cannot tell who sets a response. */
describe("without AsyncLocalStorage", () => {
  afterEach(() => vi.restoreAllMocks());

  test.for<[string, (app: Hono) => void]>([
    ["timeout()", (app) => app.use(timeout(50))],
    ["a race", (app) => app.use(race)],
  ])("%s before the guard: neither run again, nor a stranger's response kept", async ([, outside]) => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    let runs = 0;
    const app = new Hono();
    outside(app);
    app.post("/orders", guard(), async (c) => {
      runs++;
      await sleep(150);
      return c.json({ charged: runs }, 201);
    });
    await post(app);
    await sleep(200);
    const again = await post(app);
    expect([again.status, JSON.parse(again.text), runs]).toMatchObject([409, { code: "result_not_kept" }, 1]);
  });

  test("what is not late is kept", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    const app = new Hono();
    app.use(timeout(5_000));
    app.use(guard());
    app.use(async (c, next) => {
      await next();
      await sleep(20);
      c.header("location", "/orders/1");
    });
    app.post("/orders", (c) => c.json({ charged: true }, 201));
    expect(await post(app)).toMatchObject({ status: 201, replayed: null });
    const again = await post(app);
    expect(again).toMatchObject({ status: 201, text: '{"charged":true}', replayed: "true" });
    expect(again.headers.get("location")).toBe("/orders/1");
  });
});

test("a response that was read already rejects as a route that throws, and its key is free", async () => {
  let runs = 0;
  const errors: unknown[] = [];
  const app = new Hono();
  app.onError((error, c) => {
    errors.push(error);
    return c.text("broken", 500);
  });
  app.post("/orders", guard(), async (c) => {
    const response = c.text("ok");
    if (++runs === 1) await response.text();
    return response;
  });
  expect((await post(app)).status).toBe(500);
  expect(errors).toEqual([expect.any(TypeError)]);
  expect(await post(app)).toMatchObject({ status: 200, text: "ok", replayed: null });
});

test("an execution context without waitUntil is none", async () => {
  const app = new Hono();
  app.post("/orders", guard(), (c) => c.text("ok"));
  const init = { method: "POST", headers: { "idempotency-key": "k-1" } };
  const answer = await app.request("/orders", init, {}, {} as never);
  expect([answer.status, await answer.text()]).toEqual([200, "ok"]);
});

test("a route that writes to Node's response by itself is not touched, and not run again", async () => {
  const silent = vi.spyOn(console, "error").mockImplementation(() => {});
  let runs = 0;
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.post("/orders", guard(), ({ env }) => {
    runs++;
    env.outgoing.writeHead(201, { "content-type": "text/plain" });
    env.outgoing.end("by itself");
    return RESPONSE_ALREADY_SENT;
  });
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  try {
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const call = () =>
      fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", headers: { "idempotency-key": "k-1" } });
    const first = await call();
    expect([first.status, await first.text()]).toEqual([201, "by itself"]);
    const again = await call();
    expect([again.status, await again.json(), runs]).toMatchObject([409, { code: "result_not_kept" }, 1]);
    expect(silent).not.toHaveBeenCalled();
  } finally {
    server.close();
  }
});

test("a form that a validator has read before the guard", async () => {
  const app = new Hono();
  app.post(
    "/orders",
    validator("form", (value) => value),
    guard(),
    async (c) => c.json(await c.req.parseBody()),
  );
  const form = (name: string) => {
    const body = new FormData();
    body.set("name", name);
    return { body };
  };
  expect(await post(app, form("a"))).toMatchObject({ status: 200, text: '{"name":"a"}', replayed: null });
  expect(await post(app, form("a"))).toMatchObject({ status: 200, text: '{"name":"a"}', replayed: "true" });
  expect((await post(app, form("b"))).status).toBe(422);
});

test("a guard that meets a request twice guards it once", async () => {
  let runs = 0;
  const once = guard();
  const app = new Hono();
  app.use("/*", once);
  app.post("/orders", once, (c) => c.json(++runs));
  expect(await post(app)).toMatchObject({ status: 200, text: "1", replayed: null });
  expect(await post(app)).toMatchObject({ status: 200, text: "1", replayed: "true" });
});
