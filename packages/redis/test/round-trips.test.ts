/** One verb is one command, and what leaves in the same turn of the event loop is one command together: counted at the server. */
import { letterId } from "@hooklatch/core";
import {
  type RedisCluster,
  type RedisProcess,
  redisServer,
  startCluster,
  startRedis,
} from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect, connectCluster } from "./support/clients.js";
import { commandsAt, commandsOn } from "./support/commands.js";
import { claimOf, completionOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

const error = { name: "Error", message: "it failed" };
const ONE_SCRIPT = { evalsha: 1 };
const pollOf = (owner: string) => ({ scopes: ["s", "other"], owner, leaseMs: 60_000, limit: 100 });

describe.skipIf(redisServer() === undefined)("on a single server", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  async function warmStore(partitions = 16) {
    const store = redisStore(connect(server.url), { prefix: newPrefix(), partitions });
    await store.claim(claimOf("warm"));
    await store.claimDue(pollOf("warm"));
    await store.stats();
    await store.scopes?.();
    return store;
  }

  it("a new operation is two script calls, its duplicate one", async () => {
    const store = await warmStore();
    const first = await commandsOn(server, async () => {
      await store.complete(completionOf(await holding(store, claimOf("k"))));
    });
    expect(first).toEqual({ evalsha: 2 });
    expect(await commandsOn(server, () => store.claim(claimOf("k")))).toEqual(ONE_SCRIPT);
  });

  it("each verb of the store is one command", async () => {
    const store = await warmStore();
    const held = await holding(store, claimOf("k"));
    const { id } = held;
    const { bornAt = 0 } = (await store.get(id)) ?? {};
    const again = async () => holding(store, claimOf("k", { redeliveryAfterMs: 0 }));
    const verbs: [string, () => Promise<unknown>][] = [
      ["extend", () => store.extend({ ...held, leaseMs: 60_000 })],
      ["fail", () => store.fail({ ...held, error, letter: true })],
      ["outrank", () => store.outrank({ id, bornAt, token: held.token, other: 1 })],
      ["settle", () => store.settle({ id, bornAt, token: held.token, letter: "pushed" })],
      ["schedule", () => store.schedule({ id, replayId: "r", delayMs: 0 })],
      ["claim", again],
      ["get", () => store.get(id)],
      ["stats", () => store.stats("s")],
      ["scopes", async () => store.scopes?.()],
      ["claimDue, nothing due", () => store.claimDue(pollOf("w"))],
      ["delete", () => store.delete(id)],
    ];
    for (const [verb, act] of verbs) expect(await commandsOn(server, act), verb).toEqual(ONE_SCRIPT);

    const dead = await holding(store, claimOf("dead"));
    await store.fail({ ...dead, error, letter: true });
    const version = { token: dead.token, bornAt: (await store.get(dead.id))?.bornAt ?? 0 };
    expect(await commandsOn(server, () => store.discard({ id: dead.id, ...version }))).toEqual(ONE_SCRIPT);
    const unkept = await holding(store, claimOf("unkept", { event: undefined }));
    expect(await commandsOn(server, () => store.release({ ...unkept, retentionMs: 1 }))).toEqual(ONE_SCRIPT);
    for (const [owner, evalsha] of [
      ["learns the script", undefined],
      ["x", 2],
    ] as const) {
      const waiting = await holding(store, claimOf(`waiting for ${owner}`));
      expect(await commandsOn(server, () => store.retry({ ...waiting, delayMs: 0 })), "retry").toEqual(
        ONE_SCRIPT,
      );
      const counts = await commandsOn(server, () => store.claimDue(pollOf(owner)));
      if (evalsha !== undefined) expect(counts, "claimDue, work").toEqual({ evalsha });
    }
  });

  it("each verb of the dead letters is one command", async () => {
    const letters = redisDeadLetters(connect(server.url), { prefix: newPrefix(), maxLetters: 1 });
    await letters.push(letterOf("warm"));
    const id = letterId({ scope: "s", key: "k" });
    const verbs: [string, () => Promise<unknown>][] = [
      ["push", () => letters.push(letterOf("k", { id }))],
      ["get", () => letters.get(id)],
      ["list", () => letters.list({ scope: "s" })],
      ["count", () => letters.count({ error: "Error" })],
      ["list, by what no index has", () => letters.list({ tenant: "t", errorText: "no", diedFrom: 1 })],
      ["count, by what no index has", () => letters.count({ scope: "s", minReplays: 1 })],
      ["expired", async () => letters.expired?.({ scope: "s", limit: 10 })],
      ["remove", () => letters.remove(id)],
    ];
    for (const [verb, act] of verbs) expect(await commandsOn(server, act), verb).toEqual(ONE_SCRIPT);
  });

  it("64 claims of one turn are one command, 129 are two", async () => {
    const store = await warmStore();
    for (const [claims, evalsha] of [
      [64, 1],
      [129, 2],
    ] as const) {
      const act = () =>
        Promise.all(Array.from({ length: claims }, (_, n) => store.claim(claimOf(`${claims}:${n}`))));
      expect(await commandsOn(server, act)).toEqual({ evalsha });
    }
  });

  it.each([16, 256, 1_024])(
    "claimDue and stats over %i idle partitions are one command",
    async (partitions) => {
      const store = await warmStore(partitions);
      expect(await commandsOn(server, () => store.claimDue(pollOf("w")))).toEqual(ONE_SCRIPT);
      expect(await commandsOn(server, () => store.stats())).toEqual(ONE_SCRIPT);
    },
  );

  it("a new connection costs a fixed number of questions, once", async () => {
    const client = connect(server.url);
    await client.ping();
    const prefix = newPrefix();
    const store = redisStore(client, { prefix });
    const letters = redisDeadLetters(client, { prefix });
    const asked = await commandsOn(server, () => Promise.all([store.stats(), letters.count()]));
    expect(asked).toMatchObject({ info: 4 });
    const total = Object.values(asked).reduce((sum, times) => sum + times);
    expect(total).toBeLessThanOrEqual(12);
  });
});

describe.skipIf(redisServer() === undefined)("on a Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.stop());

  async function warmStore(partitions: number) {
    const store = redisStore(connectCluster(cluster.nodes), { prefix: newPrefix(), partitions });
    // Each node learns the script.
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.claim(claimOf(`warm ${n}`))));
    await store.claimDue(pollOf("warm"));
    await store.stats();
    return store;
  }

  it("64 claims of one turn are at most one command for each partition", async () => {
    const store = await warmStore(16);
    const claims = Array.from({ length: 64 }, (_, n) => claimOf(`k${n}`));
    const counts = await commandsAt(cluster.masters, () =>
      Promise.all(claims.map((claim) => store.claim(claim))),
    );
    expect(counts.flatMap((count) => Object.keys(count))).toEqual(["evalsha", "evalsha", "evalsha"]);
    const total = counts.reduce((sum, { evalsha = 0 }) => sum + evalsha, 0);
    expect(total).toBeGreaterThan(3);
    expect(total).toBeLessThanOrEqual(16);
  });

  it.each([16, 256])(
    "claimDue and stats over %i idle partitions are one command for each master",
    async (partitions) => {
      const store = await warmStore(partitions);
      const each = [ONE_SCRIPT, ONE_SCRIPT, ONE_SCRIPT];
      expect(await commandsAt(cluster.masters, () => store.claimDue(pollOf("w")))).toEqual(each);
      expect(await commandsAt(cluster.masters, () => store.stats())).toEqual(each);
    },
  );
});
