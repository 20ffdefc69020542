/** Serves the app. */
import { fileURLToPath } from "node:url";
import { listeners } from "example-express-sqlite/log";
import { withTrouble } from "example-express-sqlite/scenarios";
import { serve } from "example-express-sqlite/serve";
import { createApp } from "./app.js";
import { readConfig } from "./config.js";
import { requireRedis } from "./require-redis.js";
import { openShop } from "./shop.js";

const { port, database, shopDatabase, shopSynchronous, stripeSecret, tuning } = readConfig();
await requireRedis(database);
const shop = withTrouble(openShop(shopDatabase, shopSynchronous));
serve(createApp({ shop, database, stripeSecret, tuning: { ...tuning, on: listeners } }), {
  port,
  folder: fileURLToPath(new URL("..", import.meta.url)),
  settings: ["REDIS_URL", "SHOP_DB", "STRIPE_WEBHOOK_SECRET"],
});
