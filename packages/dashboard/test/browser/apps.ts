/** An app as its user would write it: a webhook route that fails until its cause is fixed, and the dashboard, on each framework and store. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { type DeadLetterQueue, type IdempotencyStore, type Receiver, recordActivity } from "@hooklatch/core";
import * as onExpress from "@hooklatch/express";
import * as onFastify from "@hooklatch/fastify";
import * as onHono from "@hooklatch/hono";
import { redisDeadLetters, redisStore } from "@hooklatch/redis";
import { redisUrl } from "@hooklatch/servers";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { Redis } from "ioredis";
import type { Locator, Page } from "playwright-core";
import { afterEach } from "vitest";
import { createDashboard, type DashboardOptions } from "../../src/index.js";

export interface Kept {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  close(): Promise<void>;
}

export const STORES: Record<string, () => Kept> = {
  SQLite() {
    const folder = mkdtempSync(join(tmpdir(), "hooklatch-dashboard-"));
    const path = join(folder, "events.db");
    const store = sqliteStore(path);
    const deadLetters = sqliteDeadLetters(path);
    return {
      store,
      deadLetters,
      async close() {
        await store.close?.();
        await deadLetters.close?.();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
  Redis() {
    const client = new Redis(redisUrl() ?? "");
    const prefix = `dashboard-${randomUUID()}`;
    const store = redisStore(client, { prefix });
    const deadLetters = redisDeadLetters(client, { prefix });
    return {
      store,
      deadLetters,
      async close() {
        await store.close?.();
        await deadLetters.close?.();
        const keys = await client.keys(`${prefix}*`);
        if (keys.length > 0) await client.unlink(keys);
        client.disconnect();
      },
    };
  },
};

export interface Shop {
  url: string;
  /** The cause of all failures is gone. */
  fix(): void;
  /** Events of which the handler made an order, in the order in which it did. */
  orders: string[];
  deliver(key: string, body?: string, headers?: Record<string, string>): Promise<number>;
  close(): Promise<void>;
}

type Framework = (webhook: Webhook, dashboard: ReturnType<typeof createDashboard>) => Promise<Running>;
interface Webhook {
  handler: Parameters<typeof onExpress.withIdempotency>[0];
  options: Parameters<typeof onExpress.withIdempotency>[1];
}
interface Running {
  port: number;
  close(): Promise<void>;
}

/** On a server of Node's own. */
async function running(server: Server, route: Pick<Receiver, "close">): Promise<Running> {
  if (!server.listening) await new Promise((resolve) => server.once("listening", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      await route.close({ drainMs: 0 });
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Where the dashboard is mounted, and where the webhook is. */
const BASE = "/admin/hooklatch";

export const FRAMEWORKS: Record<string, Framework> = {
  async Express({ handler, options }, dashboard) {
    const app = express();
    const route = onExpress.withIdempotency(handler, options);
    app.post("/webhooks", route);
    app.use(BASE, onExpress.mount(dashboard));
    const server = createServer(app).listen(0, "127.0.0.1");
    return running(server, route);
  },
  async Hono({ handler, options }, dashboard) {
    const app = new Hono();
    const route = onHono.withIdempotency(handler, options);
    app.post("/webhooks", route);
    app.all(BASE, onHono.mount(dashboard));
    app.all(`${BASE}/*`, onHono.mount(dashboard));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    return running(server, route);
  },
  async Fastify({ handler, options }, dashboard) {
    const app = Fastify({ forceCloseConnections: true });
    const route = onFastify.withIdempotency(handler, options);
    app.post("/webhooks", route);
    await app.register(onFastify.mount(dashboard), { prefix: BASE });
    await app.listen({ port: 0, host: "127.0.0.1" });
    return {
      port: (app.server.address() as AddressInfo).port,
      async close() {
        await route.close({ drainMs: 0 });
        await app.close();
      },
    };
  },
};

async function openShop(
  framework: Framework,
  { store, deadLetters }: Kept,
  options: Partial<DashboardOptions> = {},
): Promise<Shop> {
  let broken = true;
  const orders: string[] = [];
  const activity = recordActivity();
  const webhook: Webhook = {
    handler(event) {
      const { product = "unknown" } = event.json<{ product?: string }>();
      if (product === "never" || (broken && product !== "mug"))
        throw new Error(`There is no product "${product}".`);
      orders.push(product);
      return { status: "paid" };
    },
    options: {
      store,
      deadLetters,
      scope: "shop",
      retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 2 },
      worker: { pollMs: 50, concurrency: 50 },
      on: activity.listeners(),
    },
  };
  const dashboard = createDashboard({
    store,
    deadLetters,
    activity,
    pollMs: 250,
    authorize: () => ({ allow: "all", by: "ann" }),
    ...options,
  });
  const { port, close } = await framework(webhook, dashboard);
  const origin = `http://127.0.0.1:${port}`;
  return {
    url: `${origin}${BASE}`,
    fix: () => {
      broken = false;
    },
    orders,
    async deliver(key, body = `{"product":"${key}"}`, headers = {}) {
      const response = await fetch(`${origin}/webhooks`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": key, ...headers },
        body,
      });
      await response.arrayBuffer();
      return response.status;
    },
    close,
  };
}

/** Closed after the test, the latest first. */
export const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

export async function shopOn(
  store: string,
  framework: string,
  options: Partial<DashboardOptions> = {},
): Promise<Omit<Shop, "close"> & Omit<Kept, "close">> {
  const kept = (STORES[store] as () => Kept)();
  closing.push(kept.close);
  const shop = await openShop(FRAMEWORKS[framework] as Framework, kept, options);
  closing.push(shop.close);
  return { ...kept, ...shop };
}

export const button = (page: Page, name: string | RegExp): Locator => page.getByRole("button", { name });
export const dialog = (page: Page): Locator => page.getByRole("dialog");
