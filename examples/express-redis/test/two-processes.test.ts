/** Two processes of the app on one Redis: each event has its effect once, whichever of them it is delivered to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { root } from "example-express-sqlite/testing/processes";
import { type ReceiverProcess, startReceiver } from "example-express-sqlite/testing/receiver";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Sent, sendLoad } from "./load.js";
import { effectsIn } from "./shop-file.js";
import { figuresOf, inWords, violations } from "./verdict.js";

const SECRET = "whsec_test";
const seed = Number(process.env.LOAD_SEED ?? Math.floor(Math.random() * 2 ** 31));
const folder = fileURLToPath(new URL("..", import.meta.url));

describe.skipIf(redisServer() === undefined)("two processes", () => {
  let temp: string;
  let redis: RedisProcess;
  let receivers: ReceiverProcess[] = [];

  beforeEach(async () => {
    temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
    redis = await startRedis();
  });

  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") {
      for (const receiver of receivers) console.log(receiver.output().split("\n").slice(-20).join("\n"));
      console.log(redis.output());
    }
    await Promise.all(receivers.map((receiver) => receiver.kill()));
    receivers = [];
    await redis?.stop();
    rmSync(temp, { recursive: true, force: true });
  });

  const shopFile = (): string => join(temp, "shop.db");

  async function start(redisUrl: string): Promise<ReceiverProcess> {
    const receiver = await startReceiver(
      {
        REDIS_URL: redisUrl,
        SHOP_DB: shopFile(),
        // What is measured here is not the disk.
        SHOP_SYNCHRONOUS: "OFF",
        STRIPE_WEBHOOK_SECRET: SECRET,
        // Its paths lead to the sources.
        TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
      },
      folder,
    );
    receivers.push(receiver);
    return receiver;
  }

  function send(
    deliveries: number,
    [one, two]: readonly [ReceiverProcess, ReceiverProcess],
  ): Promise<Sent[]> {
    return sendLoad({ seed, deliveries, urls: [one.url, two.url], stripeSecret: SECRET });
  }

  it("have each effect once, of 10 000 deliveries, 3 000 of them duplicates", async () => {
    const both = await Promise.all([start(redis.url), start(redis.url)]);
    const started = performance.now();
    const sent = await send(10_000, both);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);

    const figures = figuresOf(sent);
    const runs = both.map((receiver) => receiver.output().match(/^run /gm)?.length ?? 0);
    console.log(`LOAD_SEED=${seed}: ${inWords(figures)}; runs: ${runs.join(" + ")}; ${seconds} s`);

    expect(violations(sent, effectsIn(shopFile()))).toEqual([]);
    expect(figures).toMatchObject({ deliveries: 10_000, duplicates: 3_000, together: 1_500 });
    // Else it would prove nothing about two at once.
    expect(figures.overlapped).toBeGreaterThan(150);
    expect(Math.min(...runs)).toBeGreaterThan(2_000);
    expect(await Promise.all(both.map((receiver) => receiver.stop()))).toEqual([0, 0]);
  }, 120_000);

  it("would be found out if they did not share what they know", async () => {
    const sent = await send(300, await Promise.all([start(redis.url), start(`${redis.url}/1`)]));
    const found = violations(sent, effectsIn(shopFile()));
    // Whether sent together or later. (What was slow was asked for again, and so may have run more often.)
    const delivered = sent.filter(({ note, duplicate }) => note === undefined && duplicate !== undefined);
    const twice = found.filter((text) => text.endsWith("2 effects"));
    expect(twice.length, found.join("\n")).toBeGreaterThanOrEqual(delivered.length);
    expect(delivered.length).toBeGreaterThan(80);
  }, 60_000);
});
