import { Redis } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { type RedisSentinels, redisServer, startSentinels } from "../src/index.js";
import { ask, type Reply } from "../src/resp.js";
import { until } from "../src/until.js";

async function start(): Promise<RedisSentinels> {
  const sentinels = await startSentinels({ persistence: "aof-always" });
  onTestFinished(() => sentinels.stop());
  return sentinels;
}

function clientOf({ sentinels, name }: RedisSentinels): Redis {
  const client = new Redis({ sentinels: [...sentinels], name, sentinelRetryStrategy: () => 50 });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function masterPorts({ sentinels, name }: RedisSentinels): Promise<number[]> {
  const replies = await Promise.all(
    sentinels.map((one) => ask(one, ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name])),
  );
  return replies.map((reply) => Number((reply as Reply[])[1]));
}

describe.skipIf(redisServer() === undefined)("startSentinels", () => {
  test("SENTINEL FAILOVER makes the replica the master, at once", async () => {
    const group = await start();
    const [replica] = group.replicas;
    const client = clientOf(group);
    await client.set("key", "value");
    // Replication is asynchronous: a failover loses what the replica has not heard.
    expect(await client.wait(1, 20_000)).toBe(1);
    expect(await masterPorts(group)).toEqual(Array(3).fill(group.master.port));
    expect(
      await ask(group.sentinels[0] as { host: string; port: number }, ["SENTINEL", "FAILOVER", group.name]),
    ).toBe("OK");
    await until(
      "all sentinels name the replica",
      async () => (await masterPorts(group)).every((port) => port === replica?.port),
      { ms: 30_000 },
    );
    await until("the old master follows", async () =>
      String(await ask(group.master, ["ROLE"])).startsWith("slave"),
    );
    expect(await client.get("key")).toBe("value");
  });

  test("a killed master is failed over, and comes back as a replica", async () => {
    const group = await start();
    const [replica] = group.replicas;
    await group.master.kill();
    await until(
      "all sentinels name the replica",
      async () => (await masterPorts(group)).every((port) => port === replica?.port),
      { ms: 30_000 },
    );
    await group.master.restart();
    await until(
      "the old master follows",
      async () => String(await ask(group.master, ["ROLE"])).startsWith(`slave,127.0.0.1,${replica?.port}`),
      { ms: 30_000 },
    );
    // What the failover changed is in the servers' own files.
    await replica?.restart();
    expect(String(await ask({ host: "127.0.0.1", port: replica?.port ?? 0 }, ["ROLE"]))).toMatch(/^master/);
  });
});
