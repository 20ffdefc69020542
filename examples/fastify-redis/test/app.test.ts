/** The app as a real process, where Fastify makes a difference. The rest is tested in express-sqlite and express-redis: the same code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { root } from "example-express-sqlite/testing/processes";
import { type ReceiverProcess, startReceiver } from "example-express-sqlite/testing/receiver";
import { effectsIn, shopStory } from "example-express-sqlite/testing/shop-story";
import { afterEach, beforeEach, describe, it } from "vitest";

const SECRET = "whsec_test";
const folder = fileURLToPath(new URL("..", import.meta.url));

describe.skipIf(redisServer() === undefined)("the app on Fastify and Redis", () => {
  let temp: string;
  let redis: RedisProcess;
  let receiver: ReceiverProcess;

  beforeEach(async () => {
    temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
    redis = await startRedis();
    const env = {
      REDIS_URL: redis.url,
      SHOP_DB: join(temp, "shop.db"),
      STRIPE_WEBHOOK_SECRET: SECRET,
      RETRY_DELAY_MS: "10",
      POLL_MS: "50",
      // Its paths lead to the sources.
      TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
    };
    receiver = await startReceiver(env, folder);
  });

  afterEach(async () => {
    // Undefined: it did not start, and that is the error to show.
    await receiver?.kill();
    await redis?.stop();
    rmSync(temp, { recursive: true, force: true });
  });

  const effects = (): unknown => effectsIn(join(temp, "shop.db"));

  for (const { name, run } of shopStory({ secret: SECRET, receiver: () => receiver, effects })) it(name, run);
});
