/**
 * Hooklatch for Express 4 and 5.
 *
 * @example
 * import { withIdempotency } from "@hooklatch/express";
 * app.post("/webhooks/stripe", withIdempotency(async (event) => { … }, { store: sqliteStore("events.db"), scope: "stripe" }));
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import {
  type CloseOptions,
  createGuard,
  createReceiver,
  type GuardOptions,
  type HttpHandler,
  type ReceiverOptions,
  type WebhookHandler,
} from "@hooklatch/core";
import { admit, captureResponse, type NativeRequest, serve, writeResponse } from "@hooklatch/core/node";

/** What is used of an Express `Request`, of either major. */
export interface ExpressRequest extends IncomingMessage {
  method: string;
  originalUrl: string;
  baseUrl: string;
  body?: unknown;
}

/** Structurally an Express `RequestHandler`, of either major. */
export type Middleware = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** A route that receives webhooks, and the life of what is behind it. */
export interface WebhookRoute extends Middleware {
  /** Starts the worker. `withIdempotency` has done so. */
  start(): void;
  /** Call it when the server has stopped listening: see `Receiver.close`. */
  close(options?: CloseOptions): Promise<void>;
}

/** A middleware that guards what comes after it, and the life of what is behind it. */
export interface GuardMiddleware extends Middleware {
  /** Call it when the server has stopped listening: see `Guard.close`. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * A route handler that runs `handler` once for each event, with retries, recovery and dead letters. The same as
 * `mount(createReceiver(handler, options))`, with the worker started.
 *
 * Mount it before `express.json()`, or give the route `express.raw({ type: "*\/*" })`: it needs the raw body.
 */
export function withIdempotency(handler: WebhookHandler, options: ReceiverOptions): WebhookRoute {
  const receiver = createReceiver(handler, options);
  receiver.start();
  return Object.assign(mount(receiver), { start: receiver.start, close: receiver.close });
}

/**
 * A middleware for routes that exist already: each `Idempotency-Key` runs the route once, and a retry gets what it sent, byte for byte.
 * What makes the body (`express.json()`, multer) may come before or after, multipart parsers only after.
 */
export function idempotency<Request extends ExpressRequest = ExpressRequest>(
  options: GuardOptions<Request>,
): GuardMiddleware {
  const guard = createGuard(options);
  const middleware: Middleware = (request, response, next) => {
    const entry = guard.enter(request.method, request.headers);
    if (entry.kind === "pass") return next();
    const admitted = admit(guard, entry, partsOf(request)).then((admission) => {
      if (admission?.kind === "answer") writeResponse(response, admission.response);
      else if (admission?.kind === "pass") next();
      else if (admission?.kind === "run" && captureResponse(response, admission.run)) next();
    });
    admitted.catch(next);
  };
  return Object.assign(middleware, { close: guard.close });
}

/** Mounts anything that speaks plain HTTP data: a receiver, the dashboard. */
export function mount(handler: HttpHandler): Middleware {
  return (request, response, next) => {
    const served = serve(handler, partsOf(request)).then((answer) => {
      if (answer !== undefined) writeResponse(response, answer);
    });
    served.catch(next);
  };
}

function partsOf(request: ExpressRequest): NativeRequest {
  return { request, url: request.originalUrl, basePath: request.baseUrl, native: request };
}
