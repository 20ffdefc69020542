import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createReceiver, HooklatchError, memoryStore, withIdempotency } from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import * as nodeHttp from "@hooklatch/core/node";
import * as web from "@hooklatch/core/web";
import { createDashboard } from "@hooklatch/dashboard";
import { idempotency, mount, withIdempotency as webhook } from "@hooklatch/express";
import * as fastifyAdapter from "@hooklatch/fastify";
import * as fetchAdapter from "@hooklatch/fetch";
import * as honoAdapter from "@hooklatch/hono";
import { redisDeadLetters, redisStore } from "@hooklatch/redis";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import { storeContract } from "@hooklatch/testing";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { Redis } from "ioredis";

// Run by scripts/check-packages.mjs against the packed tarballs: as TypeScript and as JavaScript, with `import` and with `require`.
// So: one import a line, no types written out, no top-level await.

// Where there is no server, what is tried is that every call is refused in its time.
const redisUrl = process.env.REDIS_URL || process.env.HOOKLATCH_TEST_REDIS_URL;
const prefix = `hooklatch-consumer-${process.pid}-${Date.now()}`;

async function main() {
  const folder = mkdtempSync(join(process.cwd(), "data "));
  const memory = memoryStore();
  const sqlite = sqliteStore(join(folder, "events.db"));
  // Nothing listens on port 1.
  const redis = new Redis(redisUrl || "redis://127.0.0.1:1", { lazyConnect: true });
  redis.on("error", () => {});
  const onRedis = redisStore(redis, { prefix, timeoutMs: redisUrl ? 10_000 : 300 });
  const letters = redisDeadLetters(redis, { prefix, timeoutMs: 300 });
  if (!redisUrl) {
    const from = performance.now();
    await rejects(onRedis.get({ scope: "orders", key: "A" }), { code: "store_timeout" });
    await rejects(letters.count({}), { code: "store_timeout" });
    ok(performance.now() - from < 10_000);
  }
  for (const store of redisUrl ? [memory, sqlite, onRedis] : [memory, sqlite]) {
    let runs = 0;
    const work = (order = { id: "none" }) => `${order.id} ${++runs}`;
    const handle = withIdempotency(work, { store, scope: "orders" });
    const one = await handle({ id: "A" });
    const two = await handle({ id: "A" });
    ok(one.status === "completed" && one.kept && !one.replayed);
    ok(two.status === "completed" && two.kept && two.replayed);
    equal(two.value, "A 1");
    equal(runs, 1);
    await handle.close();
  }

  const receiver = createReceiver((event) => ({ got: event.text() }), { store: memory, scope: "receiver" });
  const route = webhook((event) => ({ got: event.text() }), { store: sqlite, scope: "route" });
  const app = express();
  app.post("/mounted", mount(receiver));
  app.post("/webhooks", route);
  const dashboard = createDashboard({
    store: sqlite,
    deadLetters: sqliteDeadLetters(join(folder, "events.db")),
    authorize: () => ({ allow: ["read"] }),
  });
  app.use("/admin", mount(dashboard));
  const onExpress = idempotency({ store: memory, scope: "guarded express", tenant: false });
  const onHono = honoAdapter.idempotency({ store: memory, scope: "guarded hono", tenant: false });
  const onFetch = fetchAdapter.idempotency({ store: memory, scope: "guarded fetch", tenant: false });
  const onFastify = fastifyAdapter.idempotency({ store: memory, scope: "guarded fastify", tenant: false });
  let made = 0;
  app.post("/guarded", onExpress, (_request, reply) => void reply.status(201).json({ made: ++made }));
  const hono = new Hono().post("/guarded", onHono, (c) => c.json({ made: ++made }, 201));
  const guarded = onFetch(() => Response.json({ made: ++made }, { status: 201 }));
  const fastifyApp = fastify();
  fastifyApp.post("/guarded", onFastify, async (_request, reply) => reply.code(201).send({ made: ++made }));
  const fastifyUrl = await fastifyApp.listen({ port: 0, host: "127.0.0.1" });

  const server = app.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  ok(address !== null && typeof address === "object");
  for (const path of ["/mounted", "/webhooks"]) {
    const replies = [];
    for (const _ of [1, 2]) {
      const reply = await fetch(`http://127.0.0.1:${address.port}${path}`, { method: "POST", body: "hello" });
      replies.push([reply.status, reply.headers.get("idempotent-replayed"), await reply.json()]);
    }
    deepEqual(replies, [
      [200, null, { got: "hello" }],
      [200, "true", { got: "hello" }],
    ]);
  }
  const post = (url = "") =>
    new Request(`${url}/guarded`, { method: "POST", body: "one", headers: { "idempotency-key": "k-1" } });
  const calls = [
    () => fetch(post(`http://127.0.0.1:${address.port}`)),
    () => fetch(post(fastifyUrl)),
    async () => hono.fetch(post("http://hono")),
    () => guarded(post("http://fetch")),
  ];
  for (const call of calls) {
    const first = await call();
    const second = await call();
    equal(first.status, 201);
    equal(second.headers.get("idempotent-replayed"), "true");
    equal(await second.text(), await first.text());
  }
  equal(made, 4);
  for (const { close } of [onExpress, onHono, onFetch]) await close();
  await fastifyApp.close();
  ok(Object.keys(web).length > 0);
  await new Promise((resolve) => server.close(resolve));
  await receiver.close();
  await route.close();

  const cases = storeContract({ open: (space) => sqliteStore(join(folder, `${space}.db`)) });
  ok(cases.length > 5);
  for (const { run } of cases.slice(0, 5)) await run();

  ok(Object.keys(life).length > 0);
  ok(Object.keys(nodeHttp).length > 0);
  ok(HooklatchError.is(new HooklatchError("invalid_option", "made by a consumer")));

  if (redisUrl) await redis.del(...(await redis.keys(`${prefix}:*`)));
  await letters.close?.();
  await onRedis.close?.();
  redis.disconnect();
  await sqlite.close?.();
  await memory.close?.();
  rmSync(folder, { recursive: true });
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
