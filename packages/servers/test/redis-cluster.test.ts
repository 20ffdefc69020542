import { Cluster } from "ioredis";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ClusterOptions, type RedisCluster, redisServer, startCluster } from "../src/index.js";
import { ask } from "../src/resp.js";
import { until } from "../src/until.js";

async function start(options?: ClusterOptions): Promise<RedisCluster> {
  const cluster = await startCluster(options);
  onTestFinished(() => cluster.stop());
  return cluster;
}

function clientOf({ nodes }: RedisCluster): Cluster {
  const client = new Cluster([...nodes], { scaleReads: "master" });
  client.on("error", () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

describe.skipIf(redisServer() === undefined)("startCluster", () => {
  test("answers on all slots, in equal contiguous ranges", async () => {
    const cluster = await start();
    expect(cluster.masters).toHaveLength(3);
    expect(cluster.replicas).toEqual([]);
    for (const node of cluster.nodes) {
      const ranges = (await ask(node, ["CLUSTER", "SLOTS"])) as [number, number, [string, number]][];
      const owned = ranges
        .map(([from, to, [, port]]) => [from, to, port])
        .sort(([a = 0], [b = 0]) => +a - +b);
      const ports = cluster.masters.map(({ port }) => port);
      expect(owned).toEqual([
        [0, 5460, ports[0]],
        [5461, 10921, ports[1]],
        [10922, 16383, ports[2]],
      ]);
    }
    const client = clientOf(cluster);
    const keys = Array.from({ length: 300 }, (_, i) => `key${i}`);
    await Promise.all(keys.map((key) => client.set(key, key)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys);
    await cluster.stop();
    await expect(ask(cluster.nodes[0] as { host: string; port: number }, ["PING"])).rejects.toThrow();
  });

  test("replicas are online from the start, and one takes over when its master is killed", async () => {
    const cluster = await start({ replicasPerMaster: 1, persistence: "aof-always" });
    const [master] = cluster.masters;
    const [replica] = cluster.replicas;
    if (master === undefined || replica === undefined) throw new Error("unreachable");
    expect(cluster.nodes).toHaveLength(6);
    for (const [index, one] of cluster.replicas.entries()) {
      const role = await ask(one, ["ROLE"]);
      expect(role).toMatchObject([
        "slave",
        "127.0.0.1",
        cluster.masters[index]?.port,
        "connected",
        expect.any(Number),
      ]);
    }
    const client = clientOf(cluster);
    // Slot 0 is of the first master.
    await client.set("{06S}", "value");
    expect(await ask(master, ["WAIT", 1, 1_000])).toBe(1);
    await master.kill();
    await until(
      "the replica is a master",
      async () => String(await ask(replica, ["ROLE"])).startsWith("master"),
      {
        ms: 30_000,
      },
    );
    await master.restart();
    await until(
      "the old master follows",
      async () => String(await ask(master, ["ROLE"])).startsWith("slave"),
      {
        ms: 30_000,
      },
    );
    expect(await client.get("{06S}")).toBe("value");
  });
});
