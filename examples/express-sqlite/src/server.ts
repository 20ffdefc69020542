/** Serves the app. */
import { fileURLToPath } from "node:url";
import { createApp } from "./app.js";
import { readConfig } from "./config.js";
import { listeners } from "./log.js";
import { withTrouble } from "./scenarios.js";
import { serve } from "./serve.js";
import { openShop } from "./shop.js";

const { port, database, shopDatabase, shopSynchronous, stripeSecret, tuning } = readConfig();
const shop = withTrouble(openShop(shopDatabase, shopSynchronous));
serve(createApp({ shop, database, stripeSecret, tuning: { ...tuning, on: listeners } }), {
  port,
  folder: fileURLToPath(new URL("..", import.meta.url)),
  settings: ["HOOKLATCH_DB", "SHOP_DB", "STRIPE_WEBHOOK_SECRET"],
});
