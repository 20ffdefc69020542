/** The adapter for Fetch, put together from parts that a mutant can replace. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import {
  createGuard,
  createReceiver,
  type Entry,
  type Guard,
  type GuardOptions,
  type HttpHandler,
} from "@hooklatch/core";
import { runGuarded, serve as serveHandler } from "@hooklatch/core/web";
import {
  type AdapterHarness,
  type AppSpec,
  fetchHead,
  fetchRoute,
  nativeOptions,
  type RequestHead,
} from "../src/index.js";

type Answering = (request: Request) => Promise<Response>;

export interface Parts {
  options(options: GuardOptions<RequestHead>): GuardOptions<RequestHead>;
  guard(guard: Guard): Guard;
  /** What the guard makes of the key of a request. */
  enter(guard: Guard, request: Request): Entry;
  /** Stands around a guarded route, and the guard. */
  around(request: Request, answer: Answering): Promise<Response>;
  /** Stands around the route alone. */
  route(route: Answering): Answering;
  /** Stands around what is mounted, a webhook or anything else. */
  handler(handler: HttpHandler): HttpHandler;
  mountedAt(basePath: string): string;
}

export const parts: Parts = {
  options: (options) => options,
  guard: (guard) => guard,
  enter: (guard, { method, headers }) =>
    guard.enter(method, { "idempotency-key": headers.get("idempotency-key") ?? undefined }),
  around: (request, answer) => answer(request),
  route: (route) => route,
  handler: (handler) => handler,
  mountedAt: (basePath) => basePath,
};

/** Mounted below a path, because some mutants are right at the root. */
export function guardedFetch(changed: Partial<Parts> = {}): AdapterHarness {
  const basePath = "/api/v1";
  const p = { ...parts, ...changed };

  async function serve({ guarded = [], plain = {}, webhooks = {}, mounted = {} }: AppSpec) {
    const handlers = new Map<string, Answering>();
    const closing: { close: Guard["close"] }[] = [];
    for (const { options, routes } of guarded) {
      const guard = p.guard(createGuard(nativeOptions(p.options(options), fetchHead)));
      closing.push(guard);
      for (const [path, route] of Object.entries(routes)) {
        const run = p.route(fetchRoute(route));
        const answer: Answering = async (request) => {
          const entry = p.enter(guard, request);
          if (entry.kind === "pass") return run(request);
          return runGuarded(guard, entry, { request, native: request }, () => run(request));
        };
        handlers.set(path, (request) => p.around(request, answer));
      }
    }
    for (const [path, route] of Object.entries(plain)) handlers.set(path, fetchRoute(route));
    const mounting = (handler: HttpHandler, path: string): Answering => {
      const host = { arrivedAt: performance.now() };
      return (request) =>
        serveHandler(p.handler(handler), request, { basePath: p.mountedAt(path), native: request, host });
    };
    for (const [path, { handler, options }] of Object.entries(webhooks)) {
      const receiver = createReceiver(handler, options);
      closing.push(receiver);
      handlers.set(path, mounting(receiver, basePath + path));
    }
    const prefixes = Object.entries(mounted).map(([path, handler]) => {
      return { path, answer: mounting(handler, basePath + path) };
    });
    const find = (request: Request): Answering | undefined => {
      const path = new URL(request.url).pathname.slice(basePath.length).replace(/\/$/, "");
      const isBelow = (prefix: string): boolean => `${path}/`.startsWith(`${prefix}/`);
      return handlers.get(path) ?? prefixes.find((one) => isBelow(one.path))?.answer;
    };
    const listener = getRequestListener(
      async (request) => {
        try {
          return (await find(request)?.(request)) ?? new Response(null, { status: 404 });
        } catch {
          return new Response("Internal Server Error", { status: 500 });
        }
      },
      { overrideGlobalObjects: false },
    );
    const server = createServer((request, response) => void listener(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async drain(options?: { drainMs?: number }) {
        await Promise.all(closing.map((one) => one.close(options)));
      },
      async close() {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      },
    };
  }
  return { serve, basePath };
}
