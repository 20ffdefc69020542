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
 */
export function idempotency<E extends Env = Env>(options: GuardOptions<Context<E>>): GuardMiddleware<E> {
  const guard = createGuard(options);
  const middleware: MiddlewareHandler<E> = async (c, next) => {
    const entry = guard.enter(c.req.method, { "idempotency-key": c.req.header("idempotency-key") });
    if (entry.kind === "pass") return next();
    const route = async (): Promise<Response> => {
      await next();
      const { res } = c;
      // Or Hono would put the headers of the old response into the new one.
      c.res = undefined;
      return res;
    };
    const answer = runGuarded(guard, entry, { request: c.req.raw, native: c, body: readBefore(c) }, route);
    contextOf(c)?.waitUntil(answer.catch(() => {}));
    c.res = await answer;
  };
  return Object.assign(middleware, { close: guard.close });
}

/** Mounts anything that speaks plain HTTP data, a receiver or the dashboard: `app.all("/hooklatch/*", mount(handler))`. */
export function mount(handler: HttpHandler): Handler {
  return (c) => {
    const host = hostOf([contextOf(c)]);
    return serve(handler, c.req.raw, { basePath: mountedAt(c), native: c, host, body: readBefore(c) });
  };
}

/** Where Hono keeps a body that something has read through `c.req`. A form is kept as its fields: its bytes are gone. */
function readBefore(c: Context): (() => Promise<Uint8Array>) | undefined {
  const isForm = /^multipart\//i.test(c.req.header("content-type") ?? "");
  return c.req.raw.bodyUsed && !isForm ? async () => new Uint8Array(await c.req.arrayBuffer()) : undefined;
}

/** What is before the `*` of the route; else the base path of the (sub-)app. */
function mountedAt(c: Context): string {
  // Of the context itself: `hono/route` may be another copy of Hono than the app's (ES module and CommonJS).
  const route = c.req.matchedRoutes[c.req.routeIndex];
  const prefix = route?.path.endsWith("/*") ? route.path.slice(0, -2) : route?.basePath;
  return basePathOf(prefix === "/" ? "" : (prefix ?? ""), c.req.path);
}

/** Workers and some others have one; Hono throws where there is none. */
function contextOf(c: Context): { waitUntil(work: Promise<unknown>): void } | undefined {
  try {
    return c.executionCtx;
  } catch {
    return undefined;
  }
}
