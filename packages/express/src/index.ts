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
  createReceiver,
  type HttpHandler,
  type ReceiverOptions,
  type WebhookHandler,
} from "@hooklatch/core";
import { headersOf, readBody, unreadable, writeResponse } from "@hooklatch/core/node";

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

/** Mounts anything that speaks plain HTTP data: a receiver, the dashboard. */
export function mount(handler: HttpHandler): Middleware {
  return (request, response, next) => {
    serve(handler, request, response).catch(next);
  };
}

async function serve(handler: HttpHandler, request: ExpressRequest, response: ServerResponse): Promise<void> {
  const arrivedAt = performance.now();
  let body: Uint8Array;
  try {
    body = await readBody(request, handler.maxBodyBytes);
  } catch (error) {
    const answer = unreadable(error);
    if (answer !== undefined) writeResponse(response, answer);
    return;
  }
  const { method, originalUrl: url, baseUrl: basePath } = request;
  const answer = await handler.handle(
    { method, url, basePath, headers: headersOf(request), body, native: request },
    { arrivedAt },
  );
  writeResponse(response, answer);
}
