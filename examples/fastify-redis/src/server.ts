/** Serves the app on 127.0.0.1 until SIGINT or SIGTERM, and then drains it. */
import { requireRedis } from "example-express-redis/require-redis";
import { listeners } from "example-express-sqlite/log";
import { withTrouble } from "example-express-sqlite/scenarios";
import { createApp } from "./app.js";
import { readConfig } from "./config.js";
import { openShop } from "./shop.js";

const { port, database, shopDatabase, shopSynchronous, stripeSecret, tuning } = readConfig();
await requireRedis(database);
const shop = withTrouble(openShop(shopDatabase, shopSynchronous));
const { app, close } = createApp({ shop, database, stripeSecret, tuning: { ...tuning, on: listeners } });

console.log(`listening on ${await app.listen({ port, host: "127.0.0.1" })}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());

async function stop(): Promise<void> {
  // Stops listening, lets everybody be answered, and waits for the handlers: `app.close()` does all of it.
  const closed = close();
  // But it also waits for connections that fall idle after it began, 72 s by default (fastify#7044): a sender may keep one for later.
  const sweep = setInterval(() => app.server.closeIdleConnections(), 100);
  await closed;
  clearInterval(sweep);
  console.log("stopped");
  // A handler that would not end in time keeps its lease, and is recovered by the next process.
  process.exit(0);
}
