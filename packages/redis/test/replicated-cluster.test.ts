/** A Cluster whose replicas must confirm, and one that has lost a master: whoever is there is served. */
import { type RedisCluster, redisServer, startCluster } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisStore } from "../src/index.js";
import { connect, connectCluster } from "./support/clients.js";
import { claimOf, holding } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

describe.skipIf(redisServer() === undefined)("a Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    // Otherwise the Cluster closes as a whole soon after one of its parts is gone.
    const args = ["--cluster-require-full-coverage", "no"];
    cluster = await startCluster({ masters: 3, replicasPerMaster: 1, args });
  });
  afterAll(() => cluster.stop());

  it("with waitForReplicas goes on after a fail-over: ioredis follows no redirection in a pipeline", async () => {
    const store = redisStore(connectCluster(cluster.nodes), {
      prefix: newPrefix(),
      timeoutMs: 1_500,
      waitForReplicas: { count: 1, timeoutMs: 700 },
    });
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`);
    const all = (round: string) => Promise.all(keys.map((key) => store.claim(claimOf(`${round} ${key}`))));
    await vi.waitFor(() => all("before"), { timeout: 15_000, interval: 100 });
    await connect(cluster.replicas[0]?.url).cluster("FAILOVER");
    await vi.waitFor(() => all("after"), { timeout: 15_000, interval: 100 });
    expect(new Set((await all("again")).map(({ status }) => status))).toEqual(new Set(["claimed"]));
  });

  it("of which a master is dead hands out the work of the others; counts would be wrong, and are refused", async () => {
    const prefix = newPrefix();
    const options = { prefix, timeoutMs: 1_000 };
    const store = redisStore(connectCluster(cluster.nodes), options);
    const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
    await vi.waitFor(() => store.stats(), { timeout: 15_000, interval: 100 });
    for (const key of keys) await store.retry({ ...(await holding(store, claimOf(key))), delayMs: 0 });
    // Whoever is the master of this slot by now.
    for (const node of [cluster.masters[1], cluster.replicas[1]]) await node?.kill();
    const work = await vi.waitFor(
      async () => {
        const found = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 100 });
        expect(found.length).toBeGreaterThan(0);
        return found;
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(work.length).toBeGreaterThan(10);
    expect(work.length).toBeLessThan(keys.length);
    await expect(store.stats()).rejects.toMatchObject({ retryable: true });
  });
});
