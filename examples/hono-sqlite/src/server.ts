/** Serves the app on Node. */
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { listeners } from "example-express-sqlite/log";
import { withTrouble } from "example-express-sqlite/scenarios";
import { serve } from "example-express-sqlite/serve";
import { createApp } from "./app.js";
import { readConfig } from "./config.js";
import { openShop } from "./shop.js";

const { port, database, shopDatabase, shopSynchronous, stripeSecret, tuning } = readConfig();
const shop = withTrouble(openShop(shopDatabase, shopSynchronous));
const { app, close } = createApp({ shop, database, stripeSecret, tuning: { ...tuning, on: listeners } });
serve(
  { app: getRequestListener(app.fetch), close },
  {
    port,
    folder: fileURLToPath(new URL("..", import.meta.url)),
    settings: ["HOOKLATCH_DB", "SHOP_DB", "STRIPE_WEBHOOK_SECRET"],
  },
);
