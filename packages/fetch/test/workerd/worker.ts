/** A Worker. Everything of Hooklatch is made while the module loads, where Workers allow neither timers nor random values. */
import { memoryStore } from "@hooklatch/core";
import { idempotency, withIdempotency } from "@hooklatch/fetch";

/** A Worker's context, of which nothing else is used. */
interface Context {
  waitUntil(work: Promise<unknown>): void;
}

/** How often each handler ran, by the path it was called on. */
const runs: Record<string, number> = {};
const released = new Set<string>();
const store = memoryStore();
// So that one runs out within the time of a test.
const leaseMs = 900;

const once = idempotency({
  store,
  scope: "orders",
  leaseMs,
  tenant: (request) => request.headers.get("x-tenant") ?? "",
});
const orders = once(async (request) => {
  const { pathname } = new URL(request.url);
  const run = count(pathname);
  if (pathname === "/orders/empty") return new Response(null, { status: 204, headers: { etag: `"${run}"` } });
  if (pathname === "/orders/binary") {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    return new Response(bytes, { headers: { "content-type": "application/octet-stream" } });
  }
  if (pathname.startsWith("/orders/held")) await isReleased(pathname);
  const made = { run, order: await request.json(), number: crypto.randomUUID() };
  return Response.json(made, { status: 201, headers: { location: `/orders/${run}` } });
});

const hooks = withIdempotency((event) => ({ run: count("/hooks"), got: event.json() }), {
  store,
  scope: "hooks",
  leaseMs,
});
const windowed = withIdempotency(
  async () => {
    const run = count("/windowed");
    await isReleased("/windowed");
    return { run };
  },
  { store, scope: "windowed", leaseMs, respondWithinMs: 50 },
);

function count(path: string): number {
  runs[path] = (runs[path] ?? 0) + 1;
  return runs[path];
}

/** Asks again and again: a promise of another request must not be waited for in a Worker. */
async function isReleased(path: string): Promise<void> {
  while (!released.has(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}

export default {
  async fetch(request: Request, env: unknown, context: Context): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith("/orders")) return orders(request);
    switch (pathname) {
      case "/hooks":
        return hooks(request, env, context);
      case "/windowed":
        return windowed(request, env, context);
      case "/windowed/without-context":
        return windowed(request);
      case "/release":
        released.add(await request.text());
        return new Response();
      default:
        return Response.json(runs);
    }
  },
};
