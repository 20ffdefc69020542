/**
 * Hooklatch for everything that speaks Fetch: Next.js route handlers, SvelteKit, Remix, Astro, Bun, Deno, Cloudflare Workers.
 *
 * @example
 * import { withIdempotency } from "@hooklatch/fetch";
 * export const POST = withIdempotency(async (event) => { … }, { store: sqliteStore("events.db"), scope: "stripe" });
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
import { hostOf, runGuarded, serve } from "@hooklatch/core/web";

/**
 * What hosts call with a request, and with things of their own behind it. If one of these has `waitUntil` (a Worker's context, or
 * `{ waitUntil }` from your host's library), work that goes on after the response is given to it.
 */
export type FetchHandler = (request: Request, ...host: unknown[]) => Promise<Response>;

/** A handler that receives webhooks, and the life of what is behind it. */
export interface WebhookRoute extends FetchHandler {
  /** Starts the worker. Happens by itself at the first delivery: some hosts allow no timer before. Call it at boot where there may be none. */
  start(): void;
  /** Call it when the server has stopped listening: see `Receiver.close`. */
  close(options?: CloseOptions): Promise<void>;
}

/** Makes the guarded handler from yours: called the same way. */
export type Guarding<Req extends Request = Request> = <Host extends unknown[]>(
  handler: (request: Req, ...host: Host) => Response | Promise<Response>,
) => (request: Req, ...host: Host) => Promise<Response>;

/** Guards handlers, and the life of what is behind it. */
export type GuardMiddleware<Req extends Request = Request> = Guarding<Req> & {
  /** Call it when the server has stopped listening: see `Guard.close`. */
  close(options?: CloseOptions): Promise<void>;
};

/**
 * A handler that runs `handler` once for each event, with retries, recovery and dead letters. The same as
 * `mount(createReceiver(handler, options))`.
 */
export function withIdempotency(handler: WebhookHandler, options: ReceiverOptions): WebhookRoute {
  const receiver = createReceiver(handler, options);
  return Object.assign(mount(receiver), { start: receiver.start, close: receiver.close });
}

/**
 * For handlers that exist already: each `Idempotency-Key` runs the handler once, and a retry gets what it answered, byte for byte.
 *
 * @example
 * const once = idempotency({ store, scope: "orders", tenant: (request) => userOf(request) });
 * export const POST = once(async (request) => Response.json(await createOrder(await request.json()), { status: 201 }));
 */
export function idempotency<Req extends Request = Request>(options: GuardOptions<Req>): GuardMiddleware<Req> {
  const guard = createGuard(options);
  /** Under way: a second wrapping must not wait for the first. Not for longer, or the same object would be no retry later. */
  const admitted = new WeakSet<Request>();
  const middleware: Guarding<Req> =
    (handler) =>
    async (request, ...host) => {
      const entry = guard.enter(request.method, {
        "idempotency-key": request.headers.get("idempotency-key") ?? undefined,
      });
      if (entry.kind === "pass" || admitted.has(request)) return handler(request, ...host);
      admitted.add(request);
      const answer = runGuarded(guard, entry, { request, native: request }, async () =>
        handler(request, ...host),
      );
      hostOf(() => host).waitUntil?.(answer.catch(() => {}));
      try {
        return await answer;
      } finally {
        admitted.delete(request);
      }
    };
  return Object.assign(middleware, { close: guard.close });
}

/**
 * Mounts anything that speaks plain HTTP data: a receiver, the dashboard.
 *
 * @param basePath where it is mounted, such as `/hooklatch`. Default: the root.
 */
export function mount(handler: HttpHandler, basePath = ""): FetchHandler {
  return (request, ...host) =>
    serve(handler, request, { basePath, native: request, host: hostOf(() => host) });
}
