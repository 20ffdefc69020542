/** A receiver process, as a user would write one, except that it tells the ledger everything. Bundled, and started by fleet.ts. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { HandlerContext, WebhookEvent } from "@hooklatch/core";
import { type WebhookRoute, withIdempotency } from "@hooklatch/express";
import { type AppConfig, CONFIG_VARIABLE, type FaultEvent, SCOPE } from "./app-config.js";
import { type OpenBackend, openBackend } from "./backend.js";
import { withBug } from "./bugs.js";
import { openLedger } from "./ledger.js";
import { createCrashPoint, watchLetters, watchStore } from "./watch.js";

const config = JSON.parse(process.env[CONFIG_VARIABLE] ?? "{}") as AppConfig;
const note = openLedger(config.ledger, config.name);
const crash = createCrashPoint(config.crashAt, note);

async function handler(event: WebhookEvent, { attempt, token, key }: HandlerContext): Promise<unknown> {
  const { ms, fails = 0, aborts } = event.json<FaultEvent>();
  const run = randomUUID();
  note({ kind: "start", key, token, attempt, run });
  crash("handler:start");
  if (aborts) {
    note({ kind: "crash", point: "abort" });
    process.abort();
  }
  await sleep(ms / 2);
  note({ kind: "effect", key, run });
  crash("handler:effect");
  await sleep(ms / 2);
  if (attempt <= fails) {
    note({ kind: "failed", key, run });
    throw new Error("The event asked for a failure.");
  }
  return { key, run };
}

const heard =
  (name: string) =>
  (event: { key?: string; error?: unknown }): void => {
    const text = event.error === undefined ? {} : { text: String(event.error) };
    note({ kind: "heard", name, key: event.key ?? "", ...text });
  };

function routeOn({ store, letters }: OpenBackend): WebhookRoute {
  const { respondWithinMs, maxRunMs, leaseMs, pollMs, redelivery, storeTimeoutMs } = config;
  const { maxAttempts, initialDelayMs, maxDelayMs, jitter } = config;
  return withIdempotency(handler, {
    store: watchStore(withBug(store, config.bug), note, crash),
    deadLetters: watchLetters(letters, crash),
    scope: SCOPE,
    key: (event) => event.json<FaultEvent>().id,
    leaseMs,
    storeTimeoutMs,
    maxRunMs,
    respondWithinMs: respondWithinMs === "never" ? Number.POSITIVE_INFINITY : respondWithinMs,
    redelivery,
    retry: { maxAttempts, initialDelayMs, maxDelayMs, jitter },
    worker: { pollMs },
    on: {
      completed: heard("completed"),
      leaseLost: heard("leaseLost"),
      retried: heard("retried"),
      dead: heard("dead"),
      storeError: heard("storeError"),
      sinkError: heard("sinkError"),
    },
  });
}

async function serve(): Promise<void> {
  const backend = await openBackend(config.backend);
  const route = routeOn(backend);
  // A request as Express has it, and no more: Express itself would add a tenth of a second to each of many hundred starts.
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    const asInExpress = Object.assign(request, { method, originalUrl: url, baseUrl: "" });
    route(asInExpress, response, () => response.destroy());
  });
  const listening = once(server.listen(0, "127.0.0.1"), "listening");

  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    await route.close({ drainMs: config.drainMs });
    await closed;
    await backend.close();
    process.disconnect?.();
  }

  // No process.exit(): a handle that `close()` leaves open would keep this process from ending.
  let stopping: Promise<void> | undefined;
  process.on("SIGTERM", () => {
    stopping ??= stop();
  });
  // The harness is gone.
  process.on("disconnect", () => {
    if (stopping === undefined) process.exit(1);
  });

  // Ready when its store is, or when that has had its time.
  await Promise.all([listening, backend.store.stats(SCOPE).catch(() => {})]);
  process.send?.({ port: (server.address() as AddressInfo).port });
}

void serve();
