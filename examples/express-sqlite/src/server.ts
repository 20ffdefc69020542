/** Serves the app, and its dashboard below `/hooklatch`. */
import { fileURLToPath } from "node:url";
import { recordActivity } from "@hooklatch/core";
import { mount } from "@hooklatch/express";
import { createApp } from "./app.js";
import { readConfig } from "./config.js";
import { openDashboard } from "./dashboard.js";
import { listeners } from "./log.js";
import { withTrouble } from "./scenarios.js";
import { serve } from "./serve.js";
import { openShop } from "./shop.js";

const { port, database, shopDatabase, shopSynchronous, stripeSecret, tuning } = readConfig();
const shop = withTrouble(openShop(shopDatabase, shopSynchronous));
const activity = recordActivity();
const { app, close } = createApp({
  shop,
  database,
  stripeSecret,
  tuning: { ...tuning, on: activity.listeners(listeners) },
});
const { dashboard, close: closeDashboard } = openDashboard({
  database,
  password: process.env.DASHBOARD_PASSWORD,
  activity,
});
app.use("/hooklatch", mount(dashboard));
serve(
  {
    app,
    async close() {
      await close();
      await closeDashboard();
    },
  },
  {
    port,
    folder: fileURLToPath(new URL("..", import.meta.url)),
    settings: ["HOOKLATCH_DB", "SHOP_DB", "STRIPE_WEBHOOK_SECRET"],
    dashboard: "/hooklatch",
  },
);
