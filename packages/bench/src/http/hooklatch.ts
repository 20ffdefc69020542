/** Hooklatch: `withIdempotency`, which keeps the event and answers by itself, and `idempotency`, around the framework's own route. */
import { type IdempotencyStore, memoryStore } from "@hooklatch/core";
import * as onExpress from "@hooklatch/express";
import * as onFastify from "@hooklatch/fastify";
import * as onHono from "@hooklatch/hono";
import { redisStore } from "@hooklatch/redis";
import { sqliteStore } from "@hooklatch/sqlite";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { serveExpress, serveFastify, serveHono } from "./serving.js";
import { type Contender, type Order, PATH, type Task } from "./task.js";

function storeOf({ store, address }: Task): { store: IdempotencyStore; close(): void } {
  if (store === "memory") return { store: memoryStore(), close() {} };
  if (store === "sqlite") {
    const opened = sqliteStore(address);
    return { store: opened, close: () => void opened.close?.() };
  }
  const client = new Redis(address);
  return { store: redisStore(client), close: () => client.disconnect() };
}

export const webhooks: Contender = async (task) => {
  const { framework, execute } = task;
  const { store, close } = storeOf(task);
  const options = { store, scope: "bench" };
  switch (framework) {
    case "express": {
      const route = onExpress.withIdempotency((event) => execute(event.json<Order>()), options);
      return serveExpress(express().post(PATH, route), async () => {
        await route.close({ drainMs: 100 });
        close();
      });
    }
    case "fastify": {
      const app = Fastify();
      app.post(
        PATH,
        onFastify.withIdempotency((event) => execute(event.json<Order>()), options),
      );
      return serveFastify(app, close);
    }
    case "hono": {
      const route = onHono.withIdempotency((event) => execute(event.json<Order>()), options);
      return serveHono(new Hono().post(PATH, route) as Hono, async () => {
        await route.close({ drainMs: 100 });
        close();
      });
    }
  }
};

export const guard: Contender = async (task) => {
  const { framework, execute } = task;
  const { store, close } = storeOf(task);
  const options = { store, scope: "bench", tenant: false } as const;
  switch (framework) {
    case "express": {
      const app = express();
      const guarded = onExpress.idempotency(options);
      app.post(PATH, guarded, express.json(), (request, response) => {
        response.json(execute(request.body as Order));
      });
      return serveExpress(app, async () => {
        await guarded.close({ drainMs: 100 });
        close();
      });
    }
    case "fastify": {
      const app = Fastify();
      app.post(PATH, onFastify.idempotency(options), async (request) => execute(request.body as Order));
      return serveFastify(app, close);
    }
    case "hono": {
      const guarded = onHono.idempotency(options);
      const app = new Hono().use(guarded);
      app.post(PATH, async (c) => c.json(execute(await c.req.json<Order>())));
      return serveHono(app as Hono, async () => {
        await guarded.close({ drainMs: 100 });
        close();
      });
    }
  }
};
