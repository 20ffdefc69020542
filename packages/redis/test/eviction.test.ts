/** A server that may drop what it keeps is not given an event to keep, unless that loss is accepted by name. */
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { inspectRedis, type RedisOptions, redisDeadLetters, redisStore } from "../src/index.js";
import { connect } from "./support/clients.js";
import { claimOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

const EVICTING = [
  "allkeys-lru",
  "allkeys-lfu",
  "allkeys-random",
  "volatile-lru",
  "volatile-lfu",
  "volatile-random",
  "volatile-ttl",
];

describe.skipIf(redisServer() === undefined)("maxmemory-policy", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  async function opened(policy: string, options: RedisOptions = {}) {
    const client = connect(server.url);
    await client.config("SET", "maxmemory-policy", policy);
    const prefix = newPrefix();
    return {
      client,
      store: redisStore(client, { prefix, ...options }),
      letters: redisDeadLetters(client, { prefix, ...options }),
    };
  }

  function keeping({ store, letters }: Awaited<ReturnType<typeof opened>>): Promise<unknown>[] {
    const event = Buffer.of(1);
    return [
      store.claim(claimOf("k")),
      store.schedule({ id: { scope: "s", key: "scheduled" }, replayId: "r", delayMs: 0, event }),
      letters.push(letterOf("k")),
    ];
  }

  it.each(EVICTING)("%s: nothing is kept, what keeps nothing is allowed", async (policy) => {
    const given = await opened(policy);
    for (const outcome of await Promise.allSettled(keeping(given))) {
      expect(outcome).toMatchObject({
        reason: { code: "store_not_durable", retryable: false, message: expect.stringContaining(policy) },
      });
    }
    const held = await holding(given.store, claimOf("unkept", { event: undefined }));
    expect(await given.store.release({ ...held, retentionMs: 60_000 })).toBe(true);
    expect(await given.store.get({ scope: "s", key: "k" })).toBeUndefined();
    expect(await given.letters.count()).toBe(0);
    expect(await inspectRedis(given.client)).toMatchObject({
      evicting: true,
      nodes: [{ evictionPolicy: policy }],
      warnings: expect.arrayContaining([expect.stringContaining(policy)]),
    });
  });

  it.each(EVICTING)("%s: accepted by its name, and by no other", async (policy) => {
    const accepted = await opened(policy, { acceptEvictionPolicy: policy });
    await Promise.all(keeping(accepted));
    expect(await accepted.letters.count()).toBe(1);
    for (const acceptEvictionPolicy of EVICTING.filter((other) => other !== policy)) {
      const [outcome] = await Promise.allSettled(keeping(await opened(policy, { acceptEvictionPolicy })));
      expect(outcome).toMatchObject({ reason: { code: "store_not_durable" } });
    }
  });

  it("noeviction: everything is kept", async () => {
    const given = await opened("noeviction");
    await Promise.all(keeping(given));
    expect(await inspectRedis(given.client)).toMatchObject({ evicting: false });
  });

  it("of the calls of one turn only those that keep an event are refused", async () => {
    const { store } = await opened("allkeys-lru");
    const outcomes = await Promise.allSettled([
      store.claim(claimOf("unkept", { event: undefined })),
      store.claim(claimOf("kept")),
      store.get({ scope: "s", key: "kept" }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("that is put right is noticed without a reconnection", async () => {
    const { store, client } = await opened("allkeys-lru");
    await expect(store.claim(claimOf("k"))).rejects.toMatchObject({ code: "store_not_durable" });
    await client.config("SET", "maxmemory-policy", "noeviction");
    await vi.waitFor(() => store.claim(claimOf("k")), { timeout: 10_000, interval: 50 });
  });
});
