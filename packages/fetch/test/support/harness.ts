/** The contract's routes as Fetch handlers, found by their path. */
import { type FetchHandler, idempotency, mount, withIdempotency } from "@hooklatch/fetch";
import { type AdapterHarness, type AppSpec, fetchHead, fetchRoute, nativeOptions } from "@hooklatch/testing";

/** Serves a handler on a free port. */
export type Listen = (
  fetch: (request: Request) => Promise<Response>,
) => Promise<{ url: string; close(): Promise<void> }>;

export function fetchHarness(
  listen: Listen,
  basePath: string,
  without: readonly string[] = [],
): AdapterHarness {
  async function serve({ guarded = [], plain = {}, webhooks = {}, mounted = {} }: AppSpec) {
    const handlers = new Map<string, FetchHandler>();
    const closing: { close: ReturnType<typeof withIdempotency>["close"] }[] = [];
    for (const { options, routes } of guarded) {
      const once = idempotency(nativeOptions(options, fetchHead));
      closing.push(once);
      for (const [path, route] of Object.entries(routes)) handlers.set(path, once(fetchRoute(route)));
    }
    for (const [path, route] of Object.entries(plain)) handlers.set(path, fetchRoute(route));
    for (const [path, { handler, options }] of Object.entries(webhooks)) {
      const webhook = withIdempotency(handler, options);
      closing.push(webhook);
      handlers.set(path, webhook);
    }
    const prefixes = Object.entries(mounted).map(([path, handler]) => {
      return { prefix: `${path}/`, handler: mount(handler, basePath + path) };
    });
    const find = (request: Request): FetchHandler | undefined => {
      const { pathname } = new URL(request.url);
      const path = pathname.startsWith(basePath) ? pathname.slice(basePath.length).replace(/\/$/, "") : "?";
      return handlers.get(path) ?? prefixes.find(({ prefix }) => `${path}/`.startsWith(prefix))?.handler;
    };
    const server = await listen(async (request) => {
      try {
        return (await find(request)?.(request)) ?? new Response(null, { status: 404 });
      } catch {
        // What a host does.
        return new Response("Internal Server Error", { status: 500 });
      }
    });
    return {
      ...server,
      async drain(options?: { drainMs?: number }) {
        await Promise.all(closing.map((one) => one.close(options)));
      },
    };
  }
  return { serve, basePath, without };
}
