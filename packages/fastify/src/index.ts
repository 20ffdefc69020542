/**
 * Hooklatch for Fastify 5.
 *
 * @example
 * import { withIdempotency } from "@hooklatch/fastify";
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
import {
  admit,
  basePathOf,
  captureResponse,
  type NativeRequest,
  serve,
  writeResponse,
} from "@hooklatch/core/node";
import type {
  FastifyPluginAsync,
  FastifyRequest,
  onRequestAsyncHookHandler,
  preParsingAsyncHookHandler,
  RouteHandlerMethod,
} from "fastify";
import { closesWith } from "./closes-with.js";

/** `handlerTimeout` is over. */
const TIMEOUT = "FST_ERR_HANDLER_TIMEOUT";

/** Options of a route that receives webhooks, its handler included, and the life of what is behind it. */
export interface WebhookRoute {
  onRequest: onRequestAsyncHookHandler;
  handler: RouteHandlerMethod;
  /** Starts the worker. `withIdempotency` has done so. */
  start(): void;
  /** See `Receiver.close`. `app.close()` calls it, and waits for it. */
  close(options?: CloseOptions): Promise<void>;
}

/** Options of a guarded route, and the life of what is behind them. */
export interface GuardedRoute {
  preParsing: preParsingAsyncHookHandler;
  /** See `Guard.close`. `app.close()` calls it, and waits for it. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * A route object that runs `handler` once for each event, with retries, recovery and dead letters: `app.post(url, withIdempotency(…))`.
 *
 * It reads the raw body and answers in the route's `onRequest`, after those of the app and before any body parser: `preParsing`,
 * `preValidation` and `preHandler` hooks, and schemas, don't apply to it. `onSend` and `onResponse` hooks do.
 */
export function withIdempotency(handler: WebhookHandler, options: ReceiverOptions): WebhookRoute {
  const receiver = createReceiver(handler, options);
  receiver.start();
  const { start, close } = receiver;
  return { onRequest: answering(receiver), handler: closesWith(async () => {}, receiver), start, close };
}

/**
 * Options for routes that exist already: `app.post(url, idempotency(…), handler)`. Each `Idempotency-Key` runs the route once, and a retry
 * gets what it sent, byte for byte, after serialisers and `onSend` hooks. It claims the key in the route's `preParsing`: `tenant` sees what
 * `onRequest` hooks have found out. Not for HTTP/2.
 */
export function idempotency(options: GuardOptions<FastifyRequest>): GuardedRoute {
  const guard = createGuard(options);
  const preParsing: preParsingAsyncHookHandler = async (request, reply, payload) => {
    const entry = guard.enter(request.method, request.headers);
    if (entry.kind === "pass") return payload;
    const admission = await admit(guard, entry, partsOf(request));
    if (admission?.kind === "pass") return payload;
    if (admission?.kind === "run") {
      const { run } = admission;
      // Somebody else has answered meanwhile.
      if (!captureResponse(reply.raw, run)) reply.hijack();
      const { send } = reply;
      reply.send = (answer) => {
        // The time limit answers, while the route still runs: its retry must not overlap it.
        if ((answer as { code?: unknown } | undefined)?.code === TIMEOUT) void run.finishUnkept(200);
        return send.call(reply, answer);
      };
      return payload;
    }
    reply.hijack();
    if (admission === undefined) return payload;
    // Final as it is: serialisers and `onSend` hooks have had their turn. What hooks have set on this reply stays.
    for (const [name, value = ""] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value);
    writeResponse(reply.raw, admission.response);
    return payload;
  };
  return { preParsing: closesWith(preParsing, guard), close: guard.close };
}

/** A plugin that mounts anything that speaks plain HTTP data, a receiver or the dashboard: `app.register(mount(h), { prefix })`. */
export function mount(handler: HttpHandler): FastifyPluginAsync {
  return async (app) => {
    const route = { method: app.supportedMethods, onRequest: answering(handler), handler: async () => {} };
    for (const url of ["/", "/*"]) app.route({ ...route, url, exposeHeadRoute: false });
  };
}

/** Answers before Fastify would read the body: the route's handler is never reached. */
function answering(handler: HttpHandler): onRequestAsyncHookHandler {
  return async (request, reply) => {
    const response = await serve(handler, partsOf(request));
    // The sender is gone.
    if (response === undefined) return reply.hijack();
    const { status, headers, body } = response;
    const payload = body === null ? undefined : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return reply.code(status).headers(headers).send(payload);
  };
}

function partsOf(request: FastifyRequest): NativeRequest {
  const { raw, originalUrl: url, server } = request;
  return { request: raw, url, basePath: basePathOf(server.prefix, url), native: request };
}
