/** Options that are wrong are refused where they are given; those that do not fit the data, before anything is done. */
import { redisUrl } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { type RedisClient, redisDeadLetters, redisStore } from "../src/index.js";
import { connect, tended } from "./support/clients.js";
import { claimOf, holding } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

const idle = tended(new Redis({ lazyConnect: true }));

const refused = (option: string) =>
  expect.objectContaining({ code: "invalid_option", message: expect.stringContaining(option) });

describe("options", () => {
  const wrong: [option: string, value: unknown][] = [
    ["prefix", ""],
    ["prefix", "p".repeat(101)],
    ["prefix", "with space"],
    ["prefix", "a{tag}"],
    ["prefix", "}"],
    ["prefix", 5],
    ["timeoutMs", 0],
    ["timeoutMs", -1],
    ["timeoutMs", 1.5],
    ["timeoutMs", 2 ** 31],
    ["timeoutMs", Number.NaN],
    ["timeoutMs", Number.POSITIVE_INFINITY],
    ["timeoutMs", "2000"],
    ["waitForReplicas", 1],
    ["waitForReplicas", null],
    ["waitForReplicas.count", { timeoutMs: 100 }],
    ["waitForReplicas.count", { count: 0, timeoutMs: 100 }],
    ["waitForReplicas.count", { count: 1.5, timeoutMs: 100 }],
    ["waitForReplicas.timeoutMs", { count: 1 }],
    ["waitForReplicas.timeoutMs", { count: 1, timeoutMs: 0 }],
    ["acceptEvictionPolicy", true],
    ["onServer", "console.log"],
    ["keyPrefix", "an option of ioredis"],
  ];
  const ofStore: [string, unknown][] = [
    ["partitions", 0],
    ["partitions", 1_025],
    ["partitions", 2.5],
    ["partitions", "16"],
    ["retentionMs", 1_000],
  ];
  const ofLetters: [string, unknown][] = [
    ["retentionMs", 0],
    ["retentionMs", 0.5],
    ["maxLetters", 0],
    ["maxLetters", -5],
    ["maxLetters", Number.POSITIVE_INFINITY],
    ["partitions", 16],
  ];

  it.each([...wrong, ...ofStore])("redisStore refuses %s: %j", (option, value) => {
    const [name = ""] = option.split(".");
    expect(() => redisStore(idle, { [name]: value })).toThrow(refused(option));
  });

  it.each([...wrong, ...ofLetters])("redisDeadLetters refuses %s: %j", (option, value) => {
    const [name = ""] = option.split(".");
    expect(() => redisDeadLetters(idle, { [name]: value })).toThrow(refused(option));
  });

  // What is misspelt, or missing in somebody's configuration, would silently be the default.
  it("refuses a part of waitForReplicas that there is not, and a prefix of null", () => {
    const waitForReplicas = { count: 1, timeoutMs: 100, timeout: 5 };
    expect(() => redisStore(idle, { waitForReplicas })).toThrow(refused("waitForReplicas"));
    expect(() => redisStore(idle, { prefix: null as never })).toThrow(refused("prefix"));
  });

  it("must be an object, and the client one of ioredis", () => {
    for (const options of [null, 5, "prefix"]) {
      expect(() => redisStore(idle, options as never)).toThrow(refused("options"));
      expect(() => redisDeadLetters(idle, options as never)).toThrow(refused("options"));
    }
    for (const client of [undefined, null, {}, "redis://127.0.0.1:6379", { evalsha() {} }]) {
      expect(() => redisStore(client as unknown as RedisClient)).toThrow(refused("ioredis"));
      expect(() => redisDeadLetters(client as unknown as RedisClient)).toThrow(refused("ioredis"));
    }
  });

  it("may be left out, or be undefined, and connect nothing by themselves", () => {
    const client = tended(new Redis({ lazyConnect: true }));
    redisStore(client);
    redisDeadLetters(client);
    redisStore(client, {
      prefix: undefined,
      timeoutMs: undefined,
      partitions: undefined,
      onServer: undefined,
    });
    expect(client.status).toBe("wait");
  });
});

describe.skipIf(redisUrl() === undefined)("partitions", () => {
  it("other than at the first use are refused by every verb, and those of the first use go on", async () => {
    const client = connect(redisUrl());
    const prefix = newPrefix();
    const first = redisStore(client, { prefix });
    const held = await holding(first, claimOf("k"));
    for (const second of [
      redisStore(client, { prefix, partitions: 8 }),
      redisStore(connect(redisUrl()), { prefix, partitions: 17 }),
    ]) {
      const verbs = [
        second.claim(claimOf("other")),
        second.extend({ ...held, leaseMs: 1 }),
        second.get(held.id),
        second.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1, limit: 1 }),
        second.stats(),
      ];
      for (const outcome of await Promise.allSettled(verbs)) {
        expect(outcome).toMatchObject({ reason: { code: "invalid_option", message: /`partitions`.* 16/ } });
      }
    }
    expect(await first.extend({ ...held, leaseMs: 60_000 })).toBe(true);
    expect(await redisStore(client, { prefix, partitions: 16 }).get(held.id)).toMatchObject({
      state: "running",
    });
  });

  it("of two that start at once with different ones, one is refused", async () => {
    const prefix = newPrefix();
    const outcomes = await Promise.allSettled(
      [3, 5, 3, 5].map((partitions) => redisStore(connect(redisUrl()), { prefix, partitions }).stats()),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
  });

  it("laid out by a newer Hooklatch are refused as schema_newer", async () => {
    const client = connect(redisUrl());
    const prefix = newPrefix();
    await redisStore(client, { prefix }).stats();
    const [layout = ""] = await client.keys(`${prefix}:*:layout`);
    await client.hset(layout, "layout", 2);
    await expect(redisStore(client, { prefix }).claim(claimOf("k"))).rejects.toMatchObject({
      code: "schema_newer",
      retryable: false,
    });
    expect(await client.keys(`${prefix}:*`)).toEqual([layout]);
  });
});
