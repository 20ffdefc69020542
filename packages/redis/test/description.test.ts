/** What a store says that its server's settings keep: read from servers with these settings. */
import { type RedisProcess, redisServer, startCluster, startRedis } from "@hooklatch/servers";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type RedisClient, type RedisStoreOptions, redisStore } from "../src/index.js";
import { connect, connectCluster } from "./support/clients.js";
import { newPrefix } from "./support/spaces.js";

const FAULTS = {
  process: "the process is killed",
  kill: "the server's process is killed, and started again",
  power: "the server's machine loses its power",
  failover: "a replica takes the server's place",
  full: "the server's memory is full",
} as const;

async function described(client: RedisClient, options: RedisStoreOptions = {}) {
  const store = redisStore(client, { prefix: newPrefix(), ...options });
  const description = await store.describe?.();
  if (description === undefined) throw new Error("It has no description.");
  const { promises, ...rest } = description;
  const kept = (fault: keyof typeof FAULTS) => promises.find(({ when }) => when === FAULTS[fault])?.keeps;
  for (const { why } of promises) expect(why).toMatch(/^[A-Z].*\.$/);
  expect(promises.map(({ when }) => when)).toEqual(Object.values(FAULTS));
  return { ...rest, kept };
}

describe.skipIf(redisServer() === undefined)("the description of a store", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  afterEach(() => vi.restoreAllMocks());

  it("names the settings, as the server has them", async () => {
    const { kind, facts, warnings } = await described(connect(server.url), { partitions: 4 });
    expect(kind).toBe("redis");
    expect(facts).toEqual({
      version: expect.stringMatching(/^(redis|valkey) \d+\.\d+\.\d+$/),
      masters: "1",
      role: "master",
      "maxmemory-policy": "noeviction",
      maxmemory: "no limit",
      "append-only": "off",
      snapshots: "off",
      replicas: "0",
      "min-replicas-to-write": "0",
      waitForReplicas: "none",
      partitions: "4",
    });
    expect(warnings).toEqual([expect.stringContaining("Nothing is written to disk")]);
  });

  it.each<[appendonly: string, fsync: string, save: string, kill: string, power: string]>([
    ["no", "everysec", "", "nothing", "nothing"],
    ["no", "everysec", "3600 1", "most", "most"],
    ["yes", "everysec", "", "most", "most"],
    ["yes", "no", "", "everything", "most"],
    ["yes", "always", "", "everything", "everything"],
  ])(
    "appendonly %s, appendfsync %s, save '%s': a kill keeps %4$s, a power loss %5$s",
    async (appendonly, fsync, save, kill, power) => {
      const client = connect(server.url);
      await client.config("SET", "save", save);
      await client.config("SET", "appendfsync", fsync);
      await client.config("SET", "appendonly", appendonly);
      try {
        const { kept } = await described(client);
        expect([kept("process"), kept("kill"), kept("power")]).toEqual(["everything", kill, power]);
      } finally {
        await client.config("SET", "appendonly", "no");
        await client.config("SET", "save", "");
      }
    },
  );

  it("of an evicting one says so", async () => {
    const client = connect(server.url);
    expect((await described(client)).kept("full")).toBe("everything");
    await client.config("SET", "maxmemory-policy", "allkeys-lru");
    try {
      const { kept, facts, warnings } = await described(client);
      expect(kept("full")).toBe("most");
      expect(facts["maxmemory-policy"]).toBe("allkeys-lru");
      expect(warnings).toContainEqual(expect.stringContaining("set noeviction"));
    } finally {
      await client.config("SET", "maxmemory-policy", "noeviction");
    }
  });

  it("with a replica says what a fail-over keeps, and with waitForReplicas why", async () => {
    const replica = await startRedis({ args: ["--replicaof", server.host, String(server.port)] });
    try {
      const client = connect(server.url);
      await vi.waitFor(async () => expect((await described(client)).facts.replicas).toBe("1"), {
        timeout: 15_000,
        interval: 50,
      });
      const asynchronous = expect.stringContaining("Replication is asynchronous");
      const plain = await described(client);
      expect(plain.kept("failover")).toBe("most");
      expect(plain.warnings).toContainEqual(asynchronous);

      const waiting = await described(client, { waitForReplicas: { count: 1, timeoutMs: 100 } });
      expect(waiting.kept("failover")).toBe("most");
      expect(waiting.facts.waitForReplicas).toBe("1, for 100 ms");
      expect(waiting.warnings).not.toContainEqual(asynchronous);

      const vain = await described(client, { waitForReplicas: { count: 2, timeoutMs: 100 } });
      expect(vain.warnings).toContainEqual(expect.stringContaining("asks for 2, and a master has 1"));
    } finally {
      await replica.stop();
    }
  });

  it("without a replica says that a fail-over keeps nothing", async () => {
    await vi.waitFor(
      async () => expect((await described(connect(server.url))).kept("failover")).toBe("nothing"),
      15_000,
    );
  });

  it("claims nothing that the server does not say", async () => {
    // ioredis itself says on the console that it cannot check whether the server is ready.
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const name = newPrefix();
    const rights = ["on", "nopass", "~*", "&*", "+@all", "-config", "-info"];
    await connect(server.url).call("ACL", ["SETUSER", name, ...rights]);
    const { kept } = await described(connect(server.url, { username: name, password: "any" }));
    expect(kept("process")).toBe("everything");
    for (const fault of ["kill", "power", "failover", "full"] as const)
      expect(kept(fault), fault).toBe("unknown");
  });

  it("of a Cluster tells what the worst of its masters keeps", async () => {
    const cluster = await startCluster({ masters: 3, persistence: "aof-always" });
    try {
      const client = connectCluster(cluster.nodes);
      const { facts, kept } = await described(client);
      expect(facts.masters).toBe("3");
      expect([kept("kill"), kept("power")]).toEqual(["everything", "everything"]);
      await connect(cluster.masters[1]?.url).config("SET", "appendonly", "no");
      const worse = await described(client);
      expect(worse.facts["append-only"]).toMatch(/^(always\/off|off\/always)$/);
      expect([worse.kept("kill"), worse.kept("power")]).toEqual(["nothing", "nothing"]);
    } finally {
      await cluster.stop();
    }
  });
});
