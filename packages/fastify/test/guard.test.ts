/** What is Fastify's own: hooks, schemas, parsers, serialisers, plugins. What all adapters have in common is in contract.test.ts. */
import compress from "@fastify/compress";
import multipart from "@fastify/multipart";
import { memoryStore } from "@hooklatch/core";
import { idempotency } from "@hooklatch/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, expect, test } from "vitest";

let app: FastifyInstance | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const guard = () => idempotency({ store: memoryStore(), scope: "orders", tenant: false });

async function posting(built: FastifyInstance) {
  app = built;
  const url = await built.listen({ port: 0, host: "127.0.0.1" });
  return async (
    body: BodyInit | null = '{"a":1}',
    headers: Record<string, string> = {},
    path = "/orders",
  ) => {
    const type: Record<string, string> =
      typeof body === "string" ? { "content-type": "application/json" } : {};
    const all = { "idempotency-key": "k-1", ...type, ...headers };
    const answer = await fetch(url + path, { method: "POST", body, headers: all });
    return { answer, text: await answer.text(), replayed: answer.headers.get("idempotent-replayed") };
  };
}

test("what a schema strips, and an onSend hook changes, is stripped and changed in the replay too, once", async () => {
  let sends = 0;
  const built = Fastify();
  built.addHook("onSend", async (_request, reply, payload) => {
    reply.header("etag", `"${++sends}"`);
    return `${payload} `;
  });
  const schema = { response: { 200: { type: "object", properties: { shown: { type: "string" } } } } };
  built.post("/orders", { schema, ...guard() }, async () => ({ shown: "yes", secret: "no" }));
  const post = await posting(built);
  const first = await post();
  const second = await post();
  expect(first.text).toBe('{"shown":"yes"} ');
  expect(second).toMatchObject({ text: first.text, replayed: "true" });
  expect(second.answer.headers.get("etag")).toBe('"1"');
  expect(second.answer.headers.get("content-type")).toBe(first.answer.headers.get("content-type"));
});

test("onRequest hooks of the app apply to a replay, with the headers that they set; onResponse hooks see it", async () => {
  const built = Fastify();
  const seen: number[] = [];
  built.addHook(
    "onRequest",
    async (_request, reply) => void reply.header("access-control-allow-origin", "*"),
  );
  built.addHook("onResponse", async (_request, reply) => void seen.push(reply.raw.statusCode));
  built.post("/orders", guard(), async (_request, reply) => reply.code(201).send({ made: true }));
  const post = await posting(built);
  await post();
  const second = await post();
  expect(second).toMatchObject({ text: '{"made":true}', replayed: "true" });
  expect(second.answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(seen).toEqual([201, 201]);
});

test("a preHandler of the route's own still applies, beside the guard", async () => {
  let checks = 0;
  const built = Fastify();
  const preHandler = async () => void checks++;
  built.post("/orders", { preHandler, ...guard() }, async () => ({ checks }));
  const post = await posting(built);
  await post();
  expect(await post()).toMatchObject({ text: '{"checks":1}', replayed: "true" });
  expect(checks).toBe(1);
});

test("a body that the schema refuses is answered by Fastify, kept, and never reaches the route", async () => {
  let runs = 0;
  const built = Fastify();
  const schema = { body: { type: "object", required: ["b"] } };
  built.post("/orders", { schema, ...guard() }, async () => ({ runs: ++runs }));
  const post = await posting(built);
  const first = await post();
  expect(first.answer.status).toBe(400);
  expect(await post()).toMatchObject({ text: first.text, replayed: "true" });
  expect(runs).toBe(0);
});

test("the error handler's answer decides what becomes of the key", async () => {
  let runs = 0;
  const built = Fastify();
  built.setErrorHandler((error: Error, _request, reply) =>
    reply.code(error.message === "no" ? 402 : 500).send("x"),
  );
  built.post("/orders", guard(), async () => {
    throw new Error(++runs === 1 ? "broken" : "no");
  });
  const post = await posting(built);
  expect((await post()).answer.status).toBe(500);
  expect(await post()).toMatchObject({ answer: { status: 402 }, replayed: null });
  expect(await post()).toMatchObject({ answer: { status: 402 }, replayed: "true" });
  expect(runs).toBe(2);
});

test.for([
  ["reply.send in a handler that is not asynchronous", "send"],
  ["return reply", "return"],
  ["reply.raw after hijack", "hijack"],
  ["a stream", "stream"],
])("%s", async ([, how]) => {
  let runs = 0;
  const built = Fastify();
  built.post("/orders", guard(), (_request, reply) => {
    runs++;
    if (how === "send") void reply.code(201).send(`run ${runs}`);
    if (how === "return") return reply.code(201).send(`run ${runs}`);
    if (how === "stream") return reply.code(201).send(new Blob([`run ${runs}`]).stream());
    if (how === "hijack") {
      reply.hijack();
      reply.raw.writeHead(201, { "content-type": "text/plain" }).end(`run ${runs}`);
    }
    return undefined;
  });
  const post = await posting(built);
  expect(await post()).toMatchObject({ answer: { status: 201 }, text: "run 1", replayed: null });
  expect(await post()).toMatchObject({ answer: { status: 201 }, text: "run 1", replayed: "true" });
});

test("@fastify/multipart gets its upload whole", async () => {
  const built = Fastify();
  await built.register(multipart);
  built.post("/orders", guard(), async (request) => {
    const file = await request.file();
    return { name: file?.filename, bytes: (await file?.toBuffer())?.byteLength };
  });
  const post = await posting(built);
  const form = () => {
    const data = new FormData();
    data.set("file", new File([new Uint8Array(200_000).fill(7)], "photo.jpg"));
    return data;
  };
  const first = await post(form());
  expect(first.text).toBe('{"name":"photo.jpg","bytes":200000}');
  // Another boundary, the same form.
  expect(await post(form())).toMatchObject({ text: first.text, replayed: "true" });
});

test("@fastify/compress: a replay is compressed as the first response was", async () => {
  const built = Fastify();
  await built.register(compress, { threshold: 0, encodings: ["gzip"] });
  built.post("/orders", guard(), async () => ({ text: "a".repeat(5_000) }));
  const post = await posting(built);
  const first = await post('{"a":1}', { "accept-encoding": "gzip" });
  const second = await post('{"a":1}', { "accept-encoding": "gzip" });
  expect(first.answer.headers.get("content-encoding")).toBe("gzip");
  expect(second).toMatchObject({ text: first.text, replayed: "true" });
  expect(second.answer.headers.get("content-encoding")).toBe("gzip");
});

test("parsers of the app's own see the body, with its length", async () => {
  const built = Fastify();
  built.addContentTypeParser("text/csv", { parseAs: "string" }, (_request, body, done) => done(null, body));
  built.addContentTypeParser("x/stream", async (_request: unknown, payload: AsyncIterable<Uint8Array>) => {
    let length = 0;
    for await (const chunk of payload) length += chunk.byteLength;
    return length;
  });
  built.post("/orders", guard(), async (request) => ({ body: request.body ?? null }));
  built.post(
    "/other",
    idempotency({ store: memoryStore(), scope: "o", tenant: false }),
    async (request) => request.body,
  );
  const post = await posting(built);
  expect((await post("a;b", { "content-type": "text/csv" })).text).toBe('{"body":"a;b"}');
  expect(
    (await post("a".repeat(100_000), { "content-type": "x/stream", "idempotency-key": "k-2" })).text,
  ).toBe('{"body":100000}');
  expect((await post('{"a":[1]}', {}, "/other")).text).toBe('{"a":[1]}');
});

test("app.inject works as over a socket", async () => {
  app = Fastify();
  let runs = 0;
  app.post("/orders", guard(), async (_request, reply) => reply.code(201).send({ run: ++runs }));
  const call = () =>
    app?.inject({ method: "POST", url: "/orders", payload: { a: 1 }, headers: { "idempotency-key": "k-1" } });
  expect(await call()).toMatchObject({ statusCode: 201, body: '{"run":1}' });
  expect(await call()).toMatchObject({
    statusCode: 201,
    body: '{"run":1}',
    headers: { "idempotent-replayed": "true" },
  });
});

test("as a hook of a plugin it guards all of its routes", async () => {
  const built = Fastify();
  let runs = 0;
  built.register(
    (inner, _options, done) => {
      inner.addHook("preParsing", guard().preParsing);
      inner.post("/orders", async () => ({ run: ++runs }));
      done();
    },
    { prefix: "/api" },
  );
  const post = await posting(built);
  expect((await post("{}", {}, "/api/orders")).text).toBe('{"run":1}');
  expect(await post("{}", {}, "/api/orders")).toMatchObject({ text: '{"run":1}', replayed: "true" });
});

test("handlerTimeout answers while the route still runs: a retry does not run beside it", async () => {
  let runs = 0;
  let end = (): void => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const built = Fastify({ handlerTimeout: 50 });
  built.post("/orders", guard(), async () => {
    runs++;
    await ending;
    return { made: true };
  });
  const post = await posting(built);
  // Fastify's time limit ends with the request's body, where there is one.
  const first = await post(null);
  const again = await post(null);
  end();
  expect(first.answer.status).toBe(503);
  expect([again.answer.status, JSON.parse(again.text).code]).toEqual([409, "result_not_kept"]);
  expect(runs).toBe(1);
});

test("somebody else has answered while the key was claimed: the route does not run", async () => {
  let runs = 0;
  const store = memoryStore();
  const slow = Object.assign(Object.create(store), {
    async claim(request: Parameters<typeof store.claim>[0]) {
      const claim = await store.claim(request);
      answer?.();
      return claim;
    },
  });
  let answer: (() => void) | undefined;
  const built = Fastify();
  built.addHook("onRequest", async (_request, reply) => {
    answer = () => void reply.raw.writeHead(503).end("too slow");
  });
  built.post("/orders", idempotency({ store: slow, scope: "orders", tenant: false }), async () => ++runs);
  const post = await posting(built);
  expect(await post()).toMatchObject({ answer: { status: 503 }, text: "too slow" });
  expect(runs).toBe(0);
});

test("mounted twice on one way, it guards once", async () => {
  let runs = 0;
  const orders = guard();
  const built = Fastify();
  built.addHook("preParsing", orders.preParsing);
  built.post("/orders", orders, async () => ({ run: ++runs }));
  const post = await posting(built);
  expect((await post()).text).toBe('{"run":1}');
  expect(await post()).toMatchObject({ text: '{"run":1}', replayed: "true" });
});
