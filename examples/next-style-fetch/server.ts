/** Serves the route modules of `app/` on 127.0.0.1 until SIGINT or SIGTERM, and then drains them. */
import { fileURLToPath } from "node:url";
import type { WebhookRoute } from "@hooklatch/fetch";
import { serve } from "example-express-sqlite/serve";
import { once } from "./lib/once.js";
import { shop } from "./lib/shop.js";
import { deadLetters, store } from "./lib/store.js";
import { listenerOf } from "./server/listener.js";
import { findRoute, loadRoutes } from "./server/routes.js";

const folder = fileURLToPath(new URL(".", import.meta.url));
const routes = await loadRoutes(fileURLToPath(new URL("app", import.meta.url)));
const webhooks = routes
  .flatMap(({ handlers }) => Object.values(handlers))
  .filter((handler): handler is WebhookRoute => "start" in handler);
// What a crash left behind is taken up now, not at the first delivery.
for (const webhook of webhooks) webhook.start();

async function answer(request: Request): Promise<Response> {
  const found = findRoute(routes, new URL(request.url).pathname);
  if (found === undefined) return new Response("There is no such route.\n", { status: 404 });
  const { handlers } = found.route;
  const handler = handlers[request.method];
  if (handler === undefined) {
    return new Response(null, { status: 405, headers: { allow: Object.keys(handlers).join(", ") } });
  }
  return handler(request, { params: Promise.resolve(found.params) });
}

async function close(): Promise<void> {
  // First the handlers, then what they use.
  await Promise.all([once.close(), ...webhooks.map((webhook) => webhook.close())]);
  await store.close?.();
  await deadLetters.close?.();
  shop.close();
}

serve(
  { app: listenerOf(answer), close },
  { port: Number(process.env.PORT ?? 3000), folder, settings: ["HOOKLATCH_DB", "SHOP_DB", "ORDERS_DB"] },
);
