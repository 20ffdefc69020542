/** What is Hono's own: middleware before and after, `c.req`, streaming helpers. What all adapters have in common is in contract.test.ts. */
import { type GuardOptions, memoryStore } from "@hooklatch/core";
import { idempotency, mount, withIdempotency } from "@hooklatch/hono";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { compress } from "hono/compress";
import { cors } from "hono/cors";
import { HTTPException } from "hono/http-exception";
import { stream, streamSSE, streamText } from "hono/streaming";
import { validator } from "hono/validator";
import { expect, test } from "vitest";

const guard = (options: Partial<GuardOptions<Context>> = {}) =>
  idempotency({ store: memoryStore(), scope: "orders", tenant: false, ...options });

function posting(app: Hono) {
  return async (body: BodyInit = '{"a":1}', headers: Record<string, string> = {}) => {
    const type: Record<string, string> =
      typeof body === "string" ? { "content-type": "application/json" } : {};
    const all = { "idempotency-key": "k-1", ...type, ...headers };
    const answer = await app.request("/orders", { method: "POST", body, headers: all });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    return {
      answer,
      status: answer.status,
      bytes,
      text,
      replayed: answer.headers.get("idempotent-replayed"),
    };
  };
}

const gunzipped = (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

test.for([["before"], ["after"]])("compress() mounted %s the guard", async ([where]) => {
  const app = new Hono();
  if (where === "before") app.use(compress());
  app.use(guard());
  if (where === "after") app.use(compress());
  app.post("/orders", (c) => c.text("a".repeat(5_000)));
  const post = posting(app);
  const first = await post("{}", { "accept-encoding": "gzip" });
  const second = await post("{}", { "accept-encoding": "gzip" });
  expect(first.answer.headers.get("content-encoding")).toBe("gzip");
  expect(second.answer.headers.get("content-encoding")).toBe("gzip");
  expect(second.replayed).toBe("true");
  expect(await gunzipped(first.bytes)).toBe("a".repeat(5_000));
  expect(await gunzipped(second.bytes)).toBe("a".repeat(5_000));
});

test("headers that middleware before it sets are on first responses, replays and refusals", async () => {
  const app = new Hono();
  app.use(cors({ origin: "https://a.example" }));
  app.use(async (c, next) => {
    await next();
    c.header("x-after", "yes");
  });
  app.post("/orders", guard(), (c) => c.json({ made: true }, 201));
  const post = posting(app);
  const origin = { origin: "https://a.example" };
  for (const answer of [await post("{}", origin), await post("{}", origin), await post("[]", origin)]) {
    expect(answer.answer.headers.get("access-control-allow-origin")).toBe("https://a.example");
    expect(answer.answer.headers.get("x-after")).toBe("yes");
  }
  expect(await post("{}", origin)).toMatchObject({ text: '{"made":true}', replayed: "true" });
});

test("what the error handler makes of a throw decides what becomes of the key", async () => {
  let runs = 0;
  const app = new Hono();
  app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text("broken", 500)));
  app.post("/orders", guard(), () => {
    if (++runs === 1) throw new Error("broken");
    throw new HTTPException(402, { message: "no" });
  });
  const post = posting(app);
  expect(await post()).toMatchObject({ status: 500, text: "broken", replayed: null });
  expect(await post()).toMatchObject({ status: 402, text: "no", replayed: null });
  expect(await post()).toMatchObject({ status: 402, text: "no", replayed: "true" });
});

test("a route that is not found is a 404 like any other, and the not-found handler runs once", async () => {
  let runs = 0;
  const app = new Hono();
  app.use(guard());
  app.notFound((c) => c.text(`none ${++runs}`, 404));
  const post = posting(app);
  expect(await post()).toMatchObject({ status: 404, text: "none 1", replayed: null });
  expect(await post()).toMatchObject({ status: 404, text: "none 1", replayed: "true" });
});

test.for([["before"], ["after"]])("a validator and a body limit %s the guard", async ([where]) => {
  const app = new Hono();
  const json = validator("json", (value: { a: number }) => value);
  if (where === "before") app.use(bodyLimit({ maxSize: 1_000 }), json);
  app.use(guard());
  if (where === "after") app.use(bodyLimit({ maxSize: 1_000 }), json);
  app.post("/orders", async (c) => c.json(await c.req.json()));
  const post = posting(app);
  expect(await post()).toMatchObject({ status: 200, text: '{"a":1}', replayed: null });
  expect(await post()).toMatchObject({ status: 200, text: '{"a":1}', replayed: "true" });
  expect(await post('{"a":2}')).toMatchObject({ status: 422 });
});

test("parseBody after the guard has the file; formData before it makes the guard refuse, because its bytes are gone", async () => {
  const form = () => {
    const data = new FormData();
    data.set("file", new File([new Uint8Array(100_000).fill(200)], "photo.jpg"));
    return data;
  };
  const after = new Hono();
  after.post("/orders", guard(), async (c) => {
    const { file } = await c.req.parseBody();
    const bytes = file instanceof File ? new Uint8Array(await file.arrayBuffer()) : [];
    return c.json({ length: bytes.length, whole: [...bytes].every((byte) => byte === 200) });
  });
  expect(await posting(after)(form())).toMatchObject({ text: '{"length":100000,"whole":true}' });
  const before = new Hono();
  before.use(async (c, next) => {
    await c.req.formData();
    await next();
  });
  before.post("/orders", guard(), (c) => c.text("ran"));
  const refused = await posting(before)(form());
  expect(refused.status).toBe(500);
  expect(JSON.parse(refused.text)).toMatchObject({ code: "body_already_read" });
});

test("c.req.raw stays readable", async () => {
  const app = new Hono();
  app.post("/orders", guard(), async (c) => c.body(await c.req.raw.arrayBuffer()));
  expect((await posting(app)(new Uint8Array([0, 255, 1]))).bytes).toEqual(new Uint8Array([0, 255, 1]));
});

test.for([
  ["stream", (c: Context) => stream(c, async (s) => void (await s.write("ab")))],
  ["streamText", (c: Context) => streamText(c, async (s) => void (await s.writeln("a")))],
] as const)("%s that ends soon is kept", async ([, route]) => {
  const app = new Hono();
  app.post("/orders", guard(), (c) => route(c));
  const post = posting(app);
  const first = await post();
  expect(await post()).toMatchObject({ text: first.text, replayed: "true" });
});

test("streamSSE passes through, and its duplicate is told so", async () => {
  const app = new Hono();
  let end = (): void => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  app.post("/orders", guard(), (c) =>
    streamSSE(c, async (s) => {
      await s.writeSSE({ data: "one" });
      await ending;
      await s.writeSSE({ data: "two" });
    }),
  );
  const headers = { "idempotency-key": "k-1" };
  const answer = await app.request("/orders", { method: "POST", headers });
  const reader = (answer.body as ReadableStream<BufferSource>)
    .pipeThrough(new TextDecoderStream())
    .getReader();
  expect((await reader.read()).value).toContain("one");
  end();
  let rest = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) rest += next.value;
  expect(rest).toContain("two");
  const duplicate = await app.request("/orders", { method: "POST", headers });
  expect(await duplicate.json()).toMatchObject({ status: 409, code: "result_not_kept" });
});

test("withIdempotency: the base path of a sub-app, and of a wildcard, with the values of their parameters", async () => {
  const store = memoryStore();
  const seen: string[] = [];
  const hooks = withIdempotency((event) => void seen.push(event.basePath), { store, scope: "hooks" });
  const echo = mount({
    maxBodyBytes: 10,
    handle: async ({ url, basePath }) => ({
      status: 200,
      headers: {},
      body: new TextEncoder().encode(`${basePath} ${url}`),
    }),
  });
  const sub = new Hono().post("/hooks", hooks).all("/board/*", echo);
  const app = new Hono().route("/shops/:id", sub).post("/hooks", hooks).all("/board/*", echo).all("/*", echo);
  for (const path of ["/hooks", "/shops/7/hooks"]) await app.request(path, { method: "POST", body: path });
  expect(seen).toEqual(["", "/shops/7"]);
  const text = async (path: string) => (await app.request(path)).text();
  expect(await text("/board/a?b=1")).toBe("/board /board/a?b=1");
  expect(await text("/shops/7/board/a")).toBe("/shops/7/board /shops/7/board/a");
  expect(await text("/x")).toBe(" /x");
  await hooks.close();
});

test("a response window uses the context's waitUntil; where the host would stop, and gave none, it is refused", async () => {
  const hooks = withIdempotency(() => new Promise(() => {}), {
    store: memoryStore(),
    scope: "hooks",
    respondWithinMs: 0,
    worker: false,
  });
  const app = new Hono().post("/hooks", hooks);
  const work: Promise<unknown>[] = [];
  const context = {
    waitUntil: (w: Promise<unknown>) => void work.push(w),
    passThroughOnException() {},
    props: {},
  };
  const call = (body: string, given?: typeof context) =>
    app.request("/hooks", { method: "POST", body }, {}, given);
  expect((await call("a", context)).status).toBe(202);
  expect(work).toHaveLength(1);
  const host = globalThis as { EdgeRuntime?: string };
  host.EdgeRuntime = "edge-runtime";
  try {
    const refused = await call("b");
    expect(refused.status).toBe(500);
    expect(await refused.json()).toMatchObject({ code: "wait_until_missing" });
    expect((await call("b", context)).status).toBe(202);
  } finally {
    delete host.EdgeRuntime;
  }
  await hooks.close({ drainMs: 0 });
});
