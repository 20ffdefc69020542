/**
 * The framework and nothing but the store commands that any correct answer needs, each as the driver has it: one round trip for a duplicate,
 * two for a new operation. It checks nothing, leases nothing and retries nothing: it is the floor, not a contender.
 */
import Sqlite from "better-sqlite3";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { Redis } from "ioredis";
import { serveExpress, serveFastify, serveHono } from "./serving.js";
import { type Contender, type Order, PATH, type Task } from "./task.js";

interface Store {
  /** What is stored under the key; `undefined`: nothing, and it is ours now. */
  claim(key: string): Promise<string | undefined> | string | undefined;
  complete(key: string, result: string): Promise<void> | void;
  close(): void;
}

const RUNNING = "running";
const DAY_MS = 24 * 60 * 60 * 1000;

export const floor: Contender = async (task) => {
  const { framework, execute } = task;
  const store = storeOf(task);
  async function answer(key: string, order: () => Order | Promise<Order>): Promise<string> {
    const known = await store.claim(key);
    if (known !== undefined) return known;
    const result = JSON.stringify(execute(await order()));
    await store.complete(key, result);
    return result;
  }
  switch (framework) {
    case "express": {
      const app = express();
      app.post(PATH, express.json(), async (request, response) => {
        const key = String(request.headers["idempotency-key"]);
        response.type("json").send(await answer(key, () => request.body));
      });
      return serveExpress(app, store.close);
    }
    case "fastify": {
      const app = Fastify();
      app.post(PATH, async (request, reply) => {
        const key = String(request.headers["idempotency-key"]);
        reply.header("content-type", "application/json; charset=utf-8");
        return answer(key, () => request.body as Order);
      });
      return serveFastify(app, store.close);
    }
    case "hono": {
      const app = new Hono();
      app.post(PATH, async (c) => {
        const text = await answer(String(c.req.header("idempotency-key")), () => c.req.json<Order>());
        return c.body(text, 200, { "content-type": "application/json" });
      });
      return serveHono(app, store.close);
    }
  }
};

function storeOf(task: Task): Store {
  switch (task.store) {
    case "memory":
      return inMemory();
    case "sqlite":
      return inSqlite(task.address);
    case "redis":
      return inRedis(task.address);
  }
}

function inMemory(): Store {
  const results = new Map<string, string>();
  return {
    claim(key) {
      const known = results.get(key);
      if (known === undefined) results.set(key, RUNNING);
      return known;
    },
    complete: (key, result) => void results.set(key, result),
    close() {},
  };
}

function inRedis(url: string): Store {
  const client = new Redis(url);
  return {
    async claim(key) {
      return (await client.set(key, RUNNING, "PX", DAY_MS, "NX", "GET")) ?? undefined;
    },
    async complete(key, result) {
      await client.set(key, result, "PX", DAY_MS);
    },
    close: () => client.disconnect(),
  };
}

/** Each statement its own transaction, in the mode that survives a power loss, as Hooklatch has it. */
function inSqlite(path: string): Store {
  const db = new Sqlite(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, result TEXT, expiresAt INTEGER)");
  const find = db.prepare("SELECT result FROM results WHERE key = ?").pluck();
  const insert = db.prepare("INSERT INTO results VALUES (?, ?, ?) ON CONFLICT DO NOTHING");
  const update = db.prepare("UPDATE results SET result = ? WHERE key = ?");
  return {
    claim(key) {
      const known = find.get(key) as string | undefined;
      if (known !== undefined) return known;
      insert.run(key, RUNNING, Date.now() + DAY_MS);
      return undefined;
    },
    complete: (key, result) => void update.run(result, key),
    close: () => void db.close(),
  };
}
