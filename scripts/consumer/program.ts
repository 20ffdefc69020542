import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createReceiver, HooklatchError, memoryStore, withIdempotency } from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import * as nodeHttp from "@hooklatch/core/node";
import { mount, withIdempotency as webhook } from "@hooklatch/express";
import { redisDeadLetters, redisStore } from "@hooklatch/redis";
import { sqliteStore } from "@hooklatch/sqlite";
import { storeContract } from "@hooklatch/testing";
import express from "express";
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
