/** What a server says of itself, in plain words: also one that says little, and again after each reconnection. */
import { once } from "node:events";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  inspectRedis,
  type RedisClient,
  type RedisReport,
  redisDeadLetters,
  redisStore,
} from "../src/index.js";
import { connect, type Options, tended } from "./support/clients.js";
import { claimOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

const oneLine = (report: RedisReport): void => expect(report.summary).toMatch(/^[^\r\n]{20,}$/);

describe("the report of a server that says", () => {
  /** However it is asked. */
  function saying(text: string): RedisClient {
    const info = async () => Buffer.from(text);
    const config = async () => ["name", ""];
    const callBuffer = (command: string) => (command === "info" ? info() : config());
    const client = { isCluster: false, info, infoBuffer: info, config, configBuffer: config, callBuffer };
    return client as unknown as RedisClient;
  }

  it("Redis before 6.2 is a refusal", async () => {
    for (const version of ["2.8.24", "5.0.14", "6.0.20"]) {
      await expect(inspectRedis(saying(`redis_version:${version}\r\n`))).rejects.toMatchObject({
        code: "store_version_unsupported",
        message: expect.stringContaining(version),
      });
    }
  });

  it("Redis 6.2 or later, or Valkey, names it", async () => {
    for (const version of ["6.2.0", "7.0.15", "8.4.0", "10.0.0"]) {
      const { nodes } = await inspectRedis(saying(`redis_version:${version}\r\n`));
      expect(nodes).toMatchObject([{ software: "redis", version }]);
    }
    const { nodes, summary } = await inspectRedis(
      saying("server_name:valkey\r\nvalkey_version:8.1.1\r\nredis_version:7.2.4\r\n"),
    );
    expect(nodes).toMatchObject([{ software: "valkey", version: "8.1.1" }]);
    expect(summary).toMatch(/^valkey 8\.1\.1; /);
  });
});

describe.skipIf(redisServer() === undefined)("the report", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());
  afterEach(() => vi.restoreAllMocks());

  async function user(rights: string[], options: Options = {}): Promise<Redis> {
    const name = newPrefix();
    await connect(server.url).call("ACL", ["SETUSER", name, "on", ">secret", "~*", "&*", "+@all", ...rights]);
    return tended(
      new Redis({ host: server.host, port: server.port, username: name, password: "secret", ...options }),
    );
  }

  it.each<[string, Options]>([
    ["by default", {}],
    ["with protocol 2", { protocol: 2 }],
    ["with stringNumbers", { stringNumbers: true }],
    ["with a keyPrefix", { keyPrefix: "app:" }],
  ])("says what the settings are: %s", async (_, options) => {
    const report = await inspectRedis(connect(server.url, options));
    expect(report.nodes).toEqual([
      {
        software: "redis",
        version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        role: "master",
        evictionPolicy: "noeviction",
        maxMemoryBytes: 0,
        appendOnly: "off",
        snapshots: false,
        replicas: 0,
        minReplicasToWrite: 0,
      },
    ]);
    expect(report.evicting).toBe(false);
    expect(report.warnings).toEqual([expect.stringContaining("Nothing is written to disk")]);
    oneLine(report);
  });

  it('says it with replyMapping: "resp3" too', async () => {
    const report = await inspectRedis(connect(server.url, { replyMapping: "resp3" } as Options));
    expect(report.nodes).toMatchObject([{ snapshots: false, minReplicasToWrite: 0 }]);
  });

  it("says what only CONFIG tells is unknown where that is forbidden, and the store works", async () => {
    const client = await user(["-config"]);
    const report = await inspectRedis(client);
    expect(report.nodes).toMatchObject([
      { role: "master", evictionPolicy: "noeviction", snapshots: "unknown", minReplicasToWrite: "unknown" },
    ]);
    oneLine(report);
    const store = redisStore(client, { prefix: newPrefix() });
    expect(await store.claim(claimOf("k"))).toMatchObject({ status: "claimed" });
  });

  it("works where even INFO is forbidden: a warning, and the store goes on", async () => {
    // ioredis itself says on the console that it cannot check whether the server is ready.
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const client = await user(["-config", "-info"]);
    const report = await inspectRedis(client);
    expect(report.nodes).toMatchObject([{ version: "unknown", role: "unknown", evictionPolicy: "unknown" }]);
    expect(report.warnings).toContainEqual(expect.stringContaining("does not say its maxmemory-policy"));
    oneLine(report);
    const store = redisStore(client, { prefix: newPrefix() });
    expect(await store.claim(claimOf("k"))).toMatchObject({ status: "claimed" });
  });

  it("claims nothing about persistence where INFO is forbidden", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const { nodes, warnings } = await inspectRedis(await user(["-config", "-info"]));
    expect(nodes).toMatchObject([{ appendOnly: "unknown" }]);
    expect(warnings.join(" ")).not.toContain("There is no append-only file");
  });

  it("warns of what persistence loses", async () => {
    const client = connect(server.url);
    const settings: [appendonly: string, fsync: string, save: string, warning: RegExp | undefined][] = [
      ["no", "everysec", "", /^Nothing is written to disk/],
      ["no", "everysec", "3600 1", /^There is no append-only file/],
      ["yes", "everysec", "3600 1", /^appendfsync everysec/],
      ["yes", "no", "", /^appendfsync no/],
      ["yes", "always", "", undefined],
    ];
    for (const [appendonly, appendfsync, save, warning] of settings) {
      await client.config("SET", "save", save);
      await client.config("SET", "appendfsync", appendfsync);
      await client.config("SET", "appendonly", appendonly);
      const report = await inspectRedis(client);
      expect(report.nodes).toMatchObject([
        { appendOnly: appendonly === "no" ? "off" : appendfsync, snapshots: save !== "" },
      ]);
      expect(report.warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
      expect(report.summary).toContain(report.warnings[0] ?? "keeps what it confirmed");
      oneLine(report);
    }
    await client.config("SET", "appendonly", "no");
  });

  it("warns of what a fail-over to a replica loses, and knows who is one", async () => {
    const replica = await startRedis({ args: ["--replicaof", server.host, String(server.port)] });
    try {
      const client = connect(server.url);
      const report = await vi.waitFor(
        async () => {
          const seen = await inspectRedis(client);
          expect(seen.nodes).toMatchObject([{ replicas: 1 }]);
          return seen;
        },
        { timeout: 15_000, interval: 50 },
      );
      expect(report.warnings).toContainEqual(expect.stringContaining("Replication is asynchronous"));
      expect((await inspectRedis(connect(replica.url))).nodes).toMatchObject([
        { role: "slave", replicas: 0 },
      ]);
    } finally {
      await replica.stop();
    }
  });

  it("is told to onServer at the first operation, and again after each reconnection", async () => {
    const client = connect(server.url);
    const told: RedisReport[] = [];
    const store = redisStore(client, { prefix: newPrefix(), onServer: (report) => told.push(report) });
    await client.ping();
    expect(told).toEqual([]);
    await Promise.all([store.claim(claimOf("a")), store.claim(claimOf("b")), store.stats()]);
    expect(told).toEqual([await inspectRedis(client)]);
    for (const times of [2, 3]) {
      const ready = once(client, "ready");
      await connect(server.url).call("CLIENT", ["KILL", "ID", String(await client.client("ID"))]);
      await ready;
      await Promise.all([store.stats(), store.stats()]);
      expect(told).toHaveLength(times);
    }
    await store.close?.();
    client.disconnect(true);
    await once(client, "ready");
    await redisStore(client, { prefix: newPrefix() }).stats();
    expect(told).toHaveLength(3);
  });

  it("is told to each that shares a client, also to one that comes later", async () => {
    const client = connect(server.url);
    const told: string[] = [];
    const prefix = newPrefix();
    await redisStore(client, { prefix, onServer: () => told.push("store") }).stats();
    await redisDeadLetters(client, { prefix, onServer: () => told.push("letters") }).count();
    expect(told).toEqual(["store", "letters"]);
  });

  it("goes to an onServer that throws, and nothing comes of it", async () => {
    const client = connect(server.url);
    const prefix = newPrefix();
    let calls = 0;
    const onServer = () => {
      calls++;
      throw new Error("of the listener");
    };
    const store = redisStore(client, { prefix, onServer });
    const letters = redisDeadLetters(client, { prefix, onServer });
    expect(await Promise.all([store.claim(claimOf("k")), letters.count()])).toMatchObject([{ token: 1 }, 0]);
    expect(calls).toBe(2);
  });
});
