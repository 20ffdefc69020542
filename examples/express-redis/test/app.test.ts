/** The app as a real process, where Redis makes a difference. The rest is tested in express-sqlite: the same code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { deliver, describe as inWords, paidOrder } from "example-express-sqlite/sender";
import { type Ended, nodeIn, root } from "example-express-sqlite/testing/processes";
import { type ReceiverProcess, startReceiver } from "example-express-sqlite/testing/receiver";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { effectsIn } from "./shop-file.js";

const SECRET = "whsec_test";
const folder = fileURLToPath(new URL("..", import.meta.url));
const runNode = nodeIn(folder);

describe.skipIf(redisServer() === undefined)("the app on Redis", () => {
  let temp: string;
  let env: NodeJS.ProcessEnv;
  let redis: RedisProcess;
  let receiver: ReceiverProcess | undefined;

  beforeEach(async () => {
    temp = mkdtempSync(join(tmpdir(), "hooklatch-example-"));
    redis = await startRedis({ persistence: "aof-always" });
    env = {
      REDIS_URL: redis.url,
      SHOP_DB: join(temp, "shop.db"),
      STRIPE_WEBHOOK_SECRET: SECRET,
      RETRY_DELAY_MS: "10",
      POLL_MS: "50",
      // Its paths lead to the sources.
      TSX_TSCONFIG_PATH: join(root, "tsconfig.json"),
    };
  });

  afterEach(async () => {
    await receiver?.kill();
    receiver = undefined;
    await redis?.stop();
    rmSync(temp, { recursive: true, force: true });
  });

  const run = (file: string, ...args: string[]): Promise<Ended> =>
    runNode(["--import", "tsx", `src/${file}`, ...args], env);
  const effects = (): number[] => [...effectsIn(join(temp, "shop.db")).values()];

  it("says what the server can promise", async () => {
    receiver = await startReceiver(env, folder);
    await receiver.printed("keeps what it confirmed");
    expect(receiver.output()).toMatch(/^redis {5}(redis|valkey) .*append-only always.*$/m);
  });

  it("says what to do where there is no Redis", async () => {
    await redis.kill();
    env.REDIS_URL = `redis://user:secret@127.0.0.1:${redis.port}`;
    const reason = `connect ECONNREFUSED 127.0.0.1:${redis.port}`;
    const output = [
      `Redis at 127.0.0.1:${redis.port} cannot be used: ${reason}`,
      "Start one: `redis-server`, or `docker run --rm -p 6379:6379 redis`.",
      "Or say where yours is: REDIS_URL=redis://user:password@host:6379",
      "",
    ].join("\n");
    expect(await run("server.ts")).toEqual({ code: 1, output });
    expect(await run("letters.ts")).toEqual({ code: 1, output });
  });

  it("answers 503 while Redis is away, and works again when it is back", async () => {
    receiver = await startReceiver(env, folder);
    const event = paidOrder("mug");
    await redis.kill();
    expect(inWords(await deliver(receiver.url, event, SECRET))).toMatch(/^503 /);
    expect(receiver.output()).toContain(`redis     connect ECONNREFUSED 127.0.0.1:${redis.port}`);
    await redis.restart();
    await vi.waitFor(
      async () => expect(inWords(await deliver(receiver?.url ?? "", event, SECRET))).toMatch(/^200 paid/),
      { timeout: 20_000, interval: 100 },
    );
    expect(effects()).toEqual([1]);
  });

  it("drains on SIGTERM: what is running is finished, and the process exits with 0", async () => {
    receiver = await startReceiver(env, folder);
    const slow = paidOrder("mug", "slow");
    const answer = deliver(receiver.url, slow, SECRET);
    await receiver.printed(`${slow.id}, attempt 1`);

    expect(await receiver.stop()).toBe(0);
    expect(inWords(await answer)).toBe("202 processing");
    expect(receiver.output()).toContain(`completed ${slow.id}, attempt 1`);
    expect(effects()).toEqual([1]);
  });

  it("has its dead letters listed and replayed by another process", async () => {
    receiver = await startReceiver(env, folder);
    expect((await run("letters.ts")).output).toBe("There are no dead letters.\n");

    const poison = paidOrder("unicorn");
    expect(inWords(await deliver(receiver.url, poison, SECRET))).toBe("200 dead_lettered");
    const { output } = await run("letters.ts", "list");
    expect(output).toContain(poison.payload);
    expect(output.match(/There is no product "unicorn"\./g)).toHaveLength(4);

    expect((await run("add-product.ts", "unicorn")).code).toBe(0);
    const [id = ""] = output.split("\n");
    expect(await run("letters.ts", "replay", id)).toEqual({ code: 0, output: "scheduled\n" });
    await receiver.printed(`completed ${poison.id}`);
    expect(effects()).toEqual([1]);
    expect((await run("letters.ts")).output).toBe("There are no dead letters.\n");
  });

  it("has an event finished by another process when its own is killed", async () => {
    env.LEASE_MS = "3000";
    receiver = await startReceiver(env, folder);
    const other = await startReceiver(env, folder);
    try {
      const event = paidOrder("mug", "hang-before");
      const answer = deliver(receiver.url, event, SECRET);
      await receiver.printed(`hanging: ${event.id}`);
      await receiver.kill();
      // 202, where this took longer than a sender waits.
      expect([undefined, 202]).toContain((await answer).status);
      await other.printed(`completed ${event.id}, attempt 2`);
      expect(effects()).toEqual([1]);
    } finally {
      await other.kill();
    }
  });
});
