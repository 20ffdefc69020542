/** The contracts on a Cluster of three masters, with both ioredis lines, and with a client that takes it for one server. */
import { type RedisCluster, redisServer, startCluster } from "@hooklatch/servers";
import { deadLetterContract, storeContract } from "@hooklatch/testing";
import { Cluster } from "ioredis";
import { Cluster as Cluster5 } from "ioredis5";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspectRedis, redisStore } from "../src/index.js";
import { inChild } from "./support/child.js";
import { connect, connectCluster, tended } from "./support/clients.js";
import { ownedLetters, ownedStore } from "./support/owned.js";
import { claimOf } from "./support/requests.js";
import { newPrefix, prefixOf } from "./support/spaces.js";
import { isTelling } from "./support/telling-cases.js";

describe.skipIf(redisServer() === undefined)("on a Cluster", () => {
  let cluster: RedisCluster;
  let lonely: RedisCluster;
  beforeAll(async () => {
    [cluster, lonely] = await Promise.all([startCluster(), startCluster({ masters: 1 })]);
  });
  afterAll(() => Promise.all([cluster.stop(), lonely.stop()]));

  const six = () => tended(new Cluster(cluster.nodes));
  const five = () => tended(new Cluster5(cluster.nodes));

  describe.each([
    ["ioredis 6", six],
    ["ioredis 5", five],
  ] as const)("with %s", (_, client) => {
    describe("redisStore keeps the store contract", () => {
      const cases = storeContract({
        without: ["purge"],
        open: (space) => ownedStore(client(), { prefix: prefixOf(space) }),
      });
      for (const { name, run } of cases) it.concurrent(name, run);
    });

    describe("redisDeadLetters keeps the dead-letter contract", () => {
      const cases = deadLetterContract({
        open: (space, limits) => ownedLetters(client(), { prefix: prefixOf(space), ...limits }),
      });
      for (const { name, run } of cases) it.concurrent(name, run);
    });
  });

  // As through a proxy that makes a Cluster look like one server: it takes the keys of one slot in a command.
  describe("with a client that does not know that it is one", () => {
    const open = () => connect(lonely.masters[0]?.url);
    const cases = [
      ...storeContract({
        without: ["purge"],
        open: (space) => ownedStore(open(), { prefix: prefixOf(space) }),
      }),
      ...deadLetterContract({
        open: (space, limits) => ownedLetters(open(), { prefix: prefixOf(space), ...limits }),
      }),
    ].filter(isTelling);
    for (const { name, run } of cases) it.concurrent(name, run);
  });

  it("the report is of each master", async () => {
    const client = connectCluster(cluster.nodes);
    await client.ping();
    const { nodes, summary } = await inspectRedis(client);
    expect(nodes.map(({ role }) => role)).toEqual(["master", "master", "master"]);
    expect(summary).toContain("(cluster of 3 masters)");
  });

  it("the report is of each master while the client still connects, too", async () => {
    expect((await inspectRedis(connectCluster(cluster.nodes))).nodes).toHaveLength(3);
  });

  it("a client of one of its servers is told how to connect", async () => {
    const store = redisStore(connect(cluster.masters[0]?.url), { prefix: newPrefix() });
    const claims = Array.from({ length: 16 }, (_, n) => store.claim(claimOf(`k${n}`)));
    const failed = (await Promise.allSettled(claims)).filter(({ status }) => status === "rejected");
    expect(failed.length).toBeGreaterThan(0);
    for (const outcome of failed) {
      const message = /MOVED .*connect with `new Redis\.Cluster/;
      expect(outcome).toMatchObject({
        reason: { code: "store_unavailable", message: expect.stringMatching(message) },
      });
    }
  });

  // One of the cases with several processes: starting them is what takes the time, and contract.test.ts has them all.
  const [dueWork] = storeContract({
    open: (space) => ownedStore(six(), { prefix: prefixOf(space) }),
    child: (space) => inChild({ nodes: cluster.nodes, prefix: prefixOf(space) }),
  }).filter(({ name }) => /^processes: .* ask for due work/.test(name));
  it(String(dueWork?.name), async () => dueWork?.run());
});
