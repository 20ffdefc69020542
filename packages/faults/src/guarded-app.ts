/** A process with one guarded route, as a user would write one, except that it can die at a named point. Started by guarded-fleet.ts. */
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { IdempotencyStore } from "@hooklatch/core";
import { idempotency } from "@hooklatch/express";
import { type Backend, openBackend } from "./backend.js";

export const GUARDED_VARIABLE = "FAULTS_GUARDED_APP";

export interface GuardedConfig {
  name: string;
  backend: Backend;
  /** A line is added for each run of the route: `{ key, run }`. */
  effects: string;
  leaseMs: number;
  /** Where the process kills itself: in the route, or around the write that stores its response. */
  crashAt?: GuardedPoint | undefined;
}
export const GUARDED_POINTS = ["route:start", "route:effect", "complete:before", "complete:after"] as const;
export type GuardedPoint = (typeof GUARDED_POINTS)[number];

/** How long a route is held after its effect, in ms. A header, so that it is no part of what makes two requests the same. */
export const HOLD_HEADER = "x-hold-ms";

/** The body of a request: how long its route takes. */
export interface GuardedOrder {
  ms: number;
}

async function main({ name, backend, effects, leaseMs, crashAt }: GuardedConfig): Promise<void> {
  const crash = (point: GuardedPoint): void => {
    if (point === crashAt) process.kill(process.pid, "SIGKILL");
  };
  const { store } = await openBackend(backend);
  const crashing: IdempotencyStore = Object.assign(Object.create(store), {
    async complete(request: Parameters<IdempotencyStore["complete"]>[0]) {
      crash("complete:before");
      const confirmed = await store.complete(request);
      crash("complete:after");
      return confirmed;
    },
  });
  const guard = idempotency({ store: crashing, scope: "orders", tenant: false, required: true, leaseMs });
  let runs = 0;
  const server = createServer((request, response) => {
    const { method = "", url = "" } = request;
    guard(Object.assign(request, { method, originalUrl: url, baseUrl: "" }), response, async () => {
      crash("route:start");
      const run = `${name}.${++runs}`;
      const { ms } = await bodyOf(request);
      await sleep(ms / 2);
      appendFileSync(effects, `${JSON.stringify({ key: request.headers["idempotency-key"], run })}\n`);
      crash("route:effect");
      await sleep(ms / 2 + Number(request.headers[HOLD_HEADER] ?? 0));
      response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ run }));
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
  // The harness is gone.
  process.on("disconnect", () => process.exit(1));
}

async function bodyOf(request: IncomingMessage): Promise<GuardedOrder> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return JSON.parse(Buffer.concat(chunks).toString()) as GuardedOrder;
}

const config = process.env[GUARDED_VARIABLE];
if (config !== undefined) void main(JSON.parse(config) as GuardedConfig);
