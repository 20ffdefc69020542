/** Takes the pictures of docs/dashboard.md: `node scripts/screenshots.mjs`. A shop with a day behind it, in both schemes and on a phone. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  changesBetween,
  type ErrorRecord,
  letterId,
  type OperationId,
  recordActivity,
  withBody,
} from "@hooklatch/core";
import { mount } from "@hooklatch/express";
import { findChromium } from "@hooklatch/servers";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import express from "express";
import { type BrowserContextOptions, chromium } from "playwright-core";
import { createDashboard } from "../../src/index.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const images = fileURLToPath(new URL("../../../../docs/images/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "hooklatch-screenshots-"));
const path = join(folder, "events.db");
const real = Date.now();
let clock = real - 22 * HOUR;
const now = () => clock;
const store = sqliteStore(path, { now });
const deadLetters = sqliteDeadLetters(path, { now });
const activity = recordActivity({ now });
type Counted = "claimed" | "completed" | "replayed" | "retried" | "dead";
const listeners = activity.listeners() as Record<Counted, (event: { scope: string }) => void>;
const owner = "b7c41f0e-3d52-4b0a-9a57-0f1e6f2d9c11:4821";

interface Failed {
  scope: string;
  key: string;
  tenant?: string;
  path: string;
  agent: string;
  /** How long ago. */
  hours: number;
  body: unknown;
  error: ErrorRecord;
  attempts: number;
  replays?: { afterMs: number; by: string; note: string; body?: unknown; error?: ErrorRecord }[];
  put?: boolean;
}

const failure = (name: string, message: string, where: string, code?: string): ErrorRecord => ({
  name,
  message,
  ...(code && { code }),
  stack: `${name}: ${message}\n    at ${where}\n    at async run (/srv/shop/node_modules/@hooklatch/core/dist/index.js:2114:22)`,
});
const timeout = failure(
  "TimeoutError",
  "The warehouse did not answer within 5000 ms.",
  "reserveStock (/srv/shop/src/warehouse.ts:41:11)",
);
const noProduct = (sku: string) =>
  failure(
    "ProductNotFound",
    `There is no product with the SKU "${sku}".`,
    "findProduct (/srv/shop/src/catalog.ts:28:9)",
    "product_not_found",
  );
const refused = failure(
  "Error",
  "connect ECONNREFUSED 10.0.4.12:5432",
  "TCPConnectWrap.afterConnect [as oncomplete] (node:net:1607:16)",
  "ECONNREFUSED",
);
const badTotal = failure(
  "TypeError",
  "Cannot read properties of undefined (reading 'total')",
  "bookInvoice (/srv/shop/src/invoices.ts:63:34)",
);
const order = (id: number, sku: string, amount: number) => ({
  id: `ord_${id}`,
  type: "order.created",
  customer: { name: "Mara Lindqvist", country: "SE" },
  items: [{ sku, quantity: amount }],
  total: { amount: 4900 * amount, currency: "EUR" },
});
const orders = { scope: "shop.orders", path: "/webhooks/orders", agent: "Shopfront/2.4" };
const invoices = { scope: "billing.invoices", path: "/webhooks/stripe", agent: "Stripe/1.0" };
const parcels = { scope: "parcels", path: "/webhooks/parcels", agent: "ParcelHub-Webhooks" };

const failed: Failed[] = [
  {
    ...parcels,
    key: "evt-90112",
    tenant: "north",
    hours: 20.4,
    body: { parcel: "PX-90112", status: "returned" },
    error: refused,
    attempts: 5,
  },
  {
    ...parcels,
    key: "evt-90140",
    tenant: "north",
    hours: 20.3,
    body: { parcel: "PX-90140", status: "lost" },
    error: refused,
    attempts: 5,
  },
  {
    ...parcels,
    key: "evt-90141",
    tenant: "south",
    hours: 20.2,
    body: { parcel: "PX-90141", status: "delivered" },
    error: refused,
    attempts: 5,
  },
  {
    ...invoices,
    key: "evt_1Qb3kLZ",
    hours: 15.6,
    body: { id: "in_7781", object: "invoice" },
    error: badTotal,
    attempts: 5,
    replays: [{ afterMs: 3 * HOUR, by: "ann", note: "after the deploy of 4.2.1" }],
  },
  {
    ...invoices,
    key: "evt_1Qb4xPA",
    hours: 11.2,
    body: { id: "in_7790", object: "invoice" },
    error: badTotal,
    attempts: 5,
  },
  { ...orders, key: "ord-58120", hours: 8.1, body: order(58120, "MUG-BLUE", 1), error: timeout, attempts: 6 },
  {
    ...orders,
    key: "ord-58133",
    hours: 7.9,
    body: order(58133, "MUG-RED", 3),
    error: timeout,
    attempts: 6,
    replays: [{ afterMs: 2 * HOUR, by: "joris", note: "the warehouse is back" }],
  },
  { ...orders, key: "ord-58140", hours: 7.8, body: order(58140, "LAMP-2", 1), error: timeout, attempts: 6 },
  {
    ...orders,
    key: "ord-58201",
    hours: 3.4,
    body: order(58201, "TEAPOTT-1", 2),
    error: noProduct("TEAPOTT-1"),
    attempts: 3,
    replays: [
      { afterMs: 40 * MINUTE, by: "joris", note: "the catalogue was imported again" },
      {
        afterMs: 95 * MINUTE,
        by: "ann",
        note: "Typo in the SKU: they mean TEAPOT-1.",
        body: order(58201, "TEAPOT-1", 2),
        error: noProduct("TEAPOT-1"),
      },
    ],
  },
  {
    ...invoices,
    key: "evt_1Qb9rTT",
    hours: 2.2,
    body: { id: "in_7822", object: "invoice" },
    error: badTotal,
    attempts: 5,
  },
  {
    ...orders,
    key: "ord-58217",
    hours: 1.3,
    body: order(58217, "TEAPOTT-1", 1),
    error: noProduct("TEAPOTT-1"),
    attempts: 3,
  },
  {
    ...parcels,
    key: "evt-90377",
    tenant: "south",
    hours: 0.6,
    body: { parcel: "PX-90377", status: "delivered" },
    error: refused,
    attempts: 5,
    put: true,
  },
  {
    ...orders,
    key: "ord-58230",
    hours: 0.2,
    body: order(58230, "TEAPOTT-1", 4),
    error: noProduct("TEAPOTT-1"),
    attempts: 3,
  },
];

function eventOf({ path: url, agent, key, body }: Failed): Uint8Array {
  const text = JSON.stringify(body);
  const headers = {
    "content-type": "application/json",
    "content-length": String(text.length),
    "user-agent": agent,
    "idempotency-key": `"${key}"`,
  };
  const head = { method: "POST", url, basePath: "", headers, receivedAt: clock };
  return Buffer.from(`${JSON.stringify(head)}\n${text}`);
}

async function fail(one: Failed): Promise<void> {
  const { scope, tenant, key, attempts } = one;
  const id: OperationId = tenant === undefined ? { scope, key } : { scope, tenant, key };
  clock = real - one.hours * HOUR;
  const event = eventOf(one);
  const began = clock;
  const claim = await store.claim({
    ...{ id, owner, leaseMs: HOUR, event, redelivery: "rerun", redeliveryAfterMs: 0 },
  });
  if (claim.status !== "claimed") throw new Error(claim.status);
  let { token } = claim;
  const round = async (error: ErrorRecord): Promise<void> => {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const startedAt = clock;
      const durationMs = error === timeout ? 5004 : 12 + ((attempt * 37) % 60);
      clock += durationMs;
      const ended = { attempt, startedAt, durationMs, error, owner };
      if (attempt < attempts) {
        await store.extend({ id, owner, token, leaseMs: HOUR, attempt: attempt + 1, ended });
        clock += 900 * 4 ** (attempt - 1);
      } else await store.fail({ id, owner, token, error, ended, letter: true });
    }
  };
  const push = async (): Promise<void> => {
    const record = await store.get(id);
    if (record?.event === undefined) throw new Error("It is gone.");
    const { error = one.error, bornAt, attempts: all, round: rounds, replays, originalEvent } = record;
    await deadLetters.push({
      ...{ ...id, id: letterId(id), event: record.event, error, attempts: [...all], rounds, replays },
      ...{ firstFailedAt: began, diedAt: record.changedAt, bornAt, token },
      ...(originalEvent && { originalEvent }),
    });
    await store.settle({ id, bornAt, token, letter: "pushed" });
  };
  await round(one.error);
  await push();
  for (const { afterMs, by, note, body, error } of one.replays ?? []) {
    clock = began + afterMs;
    const edited = body === undefined ? undefined : withBody(event, Buffer.from(JSON.stringify(body)));
    const changed = edited && changesBetween(event, edited);
    await store.schedule({
      ...{ id, replayId: `${key}-${afterMs}`, delayMs: 0, about: { by, note, ...(changed && { changed }) } },
      ...(edited && { event: edited, originalEvent: event }),
    });
    const [work] = await store.claimDue({ scopes: [scope], owner, leaseMs: HOUR, limit: 1 });
    if (work === undefined) throw new Error("Nothing is due.");
    token = work.token;
    await round(error ?? one.error);
    await push();
  }
}

/** What went well, by the hour. */
async function succeed(): Promise<void> {
  for (let hour = 21; hour >= 0; hour--) {
    const busy = Math.round(9 + 8 * Math.sin((hour / 22) * Math.PI * 2 + 1) + ((hour * 7) % 5));
    for (let n = 0; n < busy; n++) {
      clock = real - hour * HOUR - n * MINUTE;
      const scope = [orders, orders, invoices, parcels][n % 4]?.scope ?? "";
      const id = { scope, key: `done-${hour}-${n}` };
      const claim = await store.claim({
        ...{ id, owner, leaseMs: HOUR, redelivery: "rerun", redeliveryAfterMs: 0 },
      });
      if (claim.status !== "claimed") throw new Error(claim.status);
      const result = Buffer.from("{}");
      await store.complete({ id, owner, token: claim.token, result, retentionMs: 72 * HOUR });
    }
  }
}

/** In the order of time, because the counter wants it so. */
function count(): void {
  for (let hour = 21; hour >= 0; hour--) {
    const busy = Math.round(9 + 8 * Math.sin((hour / 22) * Math.PI * 2 + 1) + ((hour * 7) % 5));
    clock = real - hour * HOUR;
    for (let n = 0; n < busy; n++) {
      const scope = [orders, orders, invoices, parcels][n % 4]?.scope ?? "";
      listeners.claimed({ scope });
      listeners.completed({ scope });
      if (n % 5 === 0) listeners.replayed({ scope });
    }
    for (const one of failed) if (Math.floor(one.hours) === hour) listeners.dead({ scope: one.scope });
  }
}

async function seed(): Promise<void> {
  await succeed();
  for (const one of failed) await fail(one);
  count();
  clock = real;
  for (const { scope, tenant, key, put } of failed) {
    const id = tenant === undefined ? { scope, key } : { scope, tenant, key };
    if (put) await store.schedule({ id, replayId: "later", delayMs: 40_000, about: { by: "ann" } });
  }
  const id = { scope: orders.scope, key: "ord-58231" };
  await store.claim({ ...{ id, owner, leaseMs: HOUR, redelivery: "rerun", redeliveryAfterMs: 0 } });
}

const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
};

await seed();
const dashboard = createDashboard({
  ...{ store, deadLetters, activity, title: "Shop, production", pollMs: 60_000 },
  authorize: () => ({ allow: "all", by: "ann" }),
});
const server = createServer(express().use("/admin/hooklatch", mount(dashboard))).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/admin/hooklatch`;
const executablePath = findChromium();
if (executablePath === undefined) throw new Error("There is no Chromium: run `pnpm chromium`.");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const pages: [name: string, path: string][] = [
  ["overview", "/"],
  ["letters", "/letters"],
  ["letter", `/letters/${letterId({ scope: orders.scope, key: "ord-58201" })}`],
];
for (const [look, options] of Object.entries(LOOKS)) {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
  const page = await context.newPage();
  for (const [name, place] of pages) {
    await page.goto(url + place);
    await page.locator("main .panel").first().waitFor();
    await page.waitForLoadState("networkidle");
    await page.screenshot({ path: `${images}dashboard-${name}-${look}.png`, animations: "disabled" });
  }
  await context.close();
}
await browser.close();
server.closeAllConnections();
server.close();
await store.close?.();
await deadLetters.close?.();
rmSync(folder, { recursive: true, force: true });
