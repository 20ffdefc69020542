/**
 * Hooklatch for Hono 4, on Node and everywhere else.
 *
 * @example
 * import { withIdempotency } from "@hooklatch/hono";
 * app.post("/webhooks/stripe", withIdempotency(async (event) => { … }, { store: sqliteStore("events.db"), scope: "stripe" }));
 *
 * @module
 */
import {
  type CloseOptions,
  createGuard,
  createReceiver,
  type GuardOptions,
  type HttpHandler,
  type ReceiverOptions,
  type WebhookHandler,
} from "@hooklatch/core";
import { basePathOf, hostOf, runGuarded, serve } from "@hooklatch/core/web";
import type { Context, Env, Handler, MiddlewareHandler } from "hono";
import { nodeBody } from "./node-body.js";
import { createOwnResponse } from "./own-response.js";

/** What `@hono/node-server` knows a response by that has left by another way. */
const ALREADY_SENT = "x-hono-already-sent";

/** A route that receives webhooks, and the life of what is behind it. */
export type WebhookRoute = Handler & {
  /** Starts the worker. Happens by itself at the first delivery: some hosts allow no timer before. Call it at boot where there may be none. */
  start(): void;
  /** Call it when the server has stopped listening: see `Receiver.close`. */
  close(options?: CloseOptions): Promise<void>;
};

/** A middleware that guards what comes after it, and the life of what is behind it. */
export type GuardMiddleware<E extends Env = Env> = MiddlewareHandler<E> & {
  /** Call it when the server has stopped listening: see `Guard.close`. */
  close(options?: CloseOptions): Promise<void>;
};

/**
 * A route handler that runs `handler` once for each event, with retries, recovery and dead letters. The same as
 * `mount(createReceiver(handler, options))`. It needs the raw body: nothing before it may read the body other than through `c.req`.
 */
export function withIdempotency(handler: WebhookHandler, options: ReceiverOptions): WebhookRoute {
  const receiver = createReceiver(handler, options);
  return Object.assign(mount(receiver), { start: receiver.start, close: receiver.close });
}

/**
 * A middleware for routes that exist already: each `Idempotency-Key` runs the route once, and a retry gets what it sent, byte for byte.
 * `tenant` is given the context: `(c) => c.get("user").id`.
 *
 * Time limits belong before it. The client then gets the limit's answer, and its retry the route's. A limit after it answers in the
 * name of the route, which still runs: if its answer is one that is not stored, a retry overlaps the route.
 *
 * A route that writes to Node's response by itself (`RESPONSE_ALREADY_SENT`) is not captured: its retry gets `409 result_not_kept`.
 */
export function idempotency<E extends Env = Env>(options: GuardOptions<Context<E>>): GuardMiddleware<E> {
  const guard = createGuard(options);
  const ownResponse = createOwnResponse();
  const admitted = new WeakSet<Context>();
  const middleware: MiddlewareHandler<E> = async (c, next) => {
    const entry = guard.enter(c.req.method, { "idempotency-key": c.req.header("idempotency-key") });
    if (entry.kind === "pass" || admitted.has(c)) return next();
    admitted.add(c);
    const call = { request: c.req.raw, native: c, body: readBefore(c) ?? nodeBody(c, guard.maxBodyBytes) };
    const answer = runGuarded(guard, entry, call, async () => {
      const response = await ownResponse(c, next);
      const isOurs = response !== undefined && !response.headers.has(ALREADY_SENT);
      return isOurs ? response : { unkept: response };
    });
    hostOf(() => [contextOf(c)]).waitUntil?.(answer.catch(() => {}));
    const response = await answer;
    if (!c.finalized) c.res = response;
    // Something outside has answered, so that nobody reads this.
    else await response.body?.cancel();
  };
  return Object.assign(middleware, { close: guard.close });
}

/** Mounts anything that speaks plain HTTP data, a receiver or the dashboard: `app.all("/hooklatch/*", mount(handler))`. */
export function mount(handler: HttpHandler): Handler {
  return (c) => {
    const host = hostOf(() => [contextOf(c)]);
    return serve(handler, c.req.raw, { basePath: mountedAt(c), native: c, host, body: readBefore(c) });
  };
}

/** Where Hono keeps a body that something has read through `c.req`. Of a form it may keep the fields only: then its bytes are gone. */
function readBefore(c: Context): (() => Promise<Uint8Array>) | undefined {
  const isForm = /^multipart\//i.test(c.req.header("content-type") ?? "");
  const isGone = isForm && c.req.bodyCache.arrayBuffer === undefined;
  return c.req.raw.bodyUsed && !isGone ? async () => new Uint8Array(await c.req.arrayBuffer()) : undefined;
}

/** What is before the `*` of the route; else the base path of the (sub-)app. */
function mountedAt(c: Context): string {
  // Of the context itself: `hono/route` may be another copy of Hono than the app's (ES module and CommonJS).
  const route = c.req.matchedRoutes[c.req.routeIndex];
  const prefix = route?.path.endsWith("/*") ? route.path.slice(0, -2) : route?.basePath;
  return basePathOf(prefix === "/" ? "" : (prefix ?? ""), c.req.path);
}

/** Workers and some others have one; Hono throws where there is none. */
function contextOf(c: Context): unknown {
  const { stackTraceLimit } = Error;
  // Of an error that nobody sees: its stack would cost more than the rest of a request's way through here.
  Error.stackTraceLimit = 0;
  try {
    return c.executionCtx;
  } catch {
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}
