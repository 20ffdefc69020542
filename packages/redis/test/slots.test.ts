/** Whatever users send as keys, load is spread evenly over the slots of a Cluster, and no text of theirs becomes part of a key's name. */
import type { OperationId } from "@hooklatch/core";
import { type RedisCluster, redisServer, startCluster } from "@hooklatch/servers";
import slotOf from "cluster-key-slot";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { namesOf } from "../src/names.js";
import { connect, connectCluster } from "./support/clients.js";
import { claimOf, completionOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

const SLOTS = 16_384;
const COUNTS = [1, 2, 3, 16, 100, 1_024];

/** Keys that would all be in one slot, or follow each other, if they were part of a name. */
function adversarial(n: number): OperationId {
  const kinds = [
    { scope: "s", key: `{evil}${n}` },
    { scope: "s", key: `{evil}:op:${n}` },
    { scope: "{evil}", tenant: "{evil}", key: `${n}` },
    { scope: "s", key: `}${n}{}{` },
    { scope: "s", key: `${"equal prefix ".repeat(20)}${n}` },
    { scope: "s", key: `${n}`.padStart(64, "0") },
    { scope: `s${n}`, key: "" },
    { scope: "s", tenant: `${n}\0\r\n`, key: "k" },
  ];
  return kinds[n % kinds.length] ?? { scope: "s", key: "k" };
}

describe("names of keys", () => {
  const identity = fc.record(
    {
      scope: fc.string({ unit: "grapheme" }),
      tenant: fc.string({ unit: "grapheme" }),
      key: fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[{}:a-f0-9]{0,20}$/)),
    },
    { requiredKeys: ["scope", "key"] },
  );

  it("hold no text of the user, and keep all keys of an operation in the slot of its partition", () => {
    fc.assert(
      fc.property(identity, fc.constantFrom(...COUNTS), (id, count) => {
        const { key, partition } = namesOf("a:prefix", count).operation(id);
        expect(key).toMatch(/^a:prefix:\{\d+\}:op:[0-9a-f]{64}$/);
        expect(key.startsWith(partition.base)).toBe(true);
        const beside = ["event", "result", "attempts", "replays", "original"].map((name) => `${key}:${name}`);
        const all = [key, ...beside, `${partition.base}counts`];
        expect(new Set(all.map(slotOf))).toEqual(new Set([partition.slot]));
      }),
      { numRuns: 200 },
    );
  });

  it("are another one for each identity", () => {
    const names = namesOf("p", 16);
    const keys = Array.from({ length: 20_000 }, (_, n) => names.operation(adversarial(n)).key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe.each(COUNTS)("%i partitions", (count) => {
  const { partitions, operation } = namesOf("p", count);

  it("have a slot and a tag each", () => {
    expect(new Set(partitions.map(({ slot }) => slot)).size).toBe(count);
    expect(new Set(partitions.map(({ base }) => base)).size).toBe(count);
  });

  it("have the same share of 20 000 keys that were chosen to hurt", () => {
    const operations = 20_000;
    const shares = new Map(partitions.map(({ slot }) => [slot, 0]));
    for (let n = 0; n < operations; n++) {
      const { slot } = operation(adversarial(n)).partition;
      shares.set(slot, (shares.get(slot) ?? 0) + 1);
    }
    expect(shares.size).toBe(count);
    const fair = operations / count;
    const chiSquare = [...shares.values()].reduce((sum, share) => sum + (share - fair) ** 2 / fair, 0);
    // Its mean is the number of partitions less one. Five standard deviations are one in millions, if the hash is a good one.
    const freedom = count - 1;
    expect(chiSquare).toBeLessThanOrEqual(freedom + 5 * Math.sqrt(2 * freedom));
  });

  it.each([2, 3, 6, 16])("are spread evenly over %i masters", (masters) => {
    const counts = new Array<number>(masters).fill(0);
    for (const { slot } of partitions) {
      const master = Math.floor((slot * masters) / SLOTS);
      counts[master] = (counts[master] ?? 0) + 1;
    }
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  });
});

describe.skipIf(redisServer() === undefined)("a Cluster of 6 masters", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster({ masters: 6 });
  });
  afterAll(() => cluster.stop());

  it("takes 6 000 operations without CROSSSLOT, and each master has its share", async () => {
    const client = connectCluster(cluster.nodes);
    const prefix = newPrefix();
    const store = redisStore(client, { prefix });
    const letters = redisDeadLetters(client, { prefix });
    const operations = 6_000;
    const next = { n: 0 };
    async function work(): Promise<void> {
      for (let n = next.n++; n < operations; n = next.n++) {
        const held = await holding(store, claimOf("", { id: adversarial(n), event: Buffer.of(n % 256) }));
        if (n % 3 === 0) expect(await store.complete(completionOf(held, Buffer.of(1)))).toBe(true);
        if (n % 3 === 1) expect(await store.retry({ ...held, delayMs: 0 })).toBe(true);
        if (n % 100 === 2) await letters.push(letterOf(`${n}`));
      }
    }
    await Promise.all(Array.from({ length: 200 }, work));
    expect(await letters.count()).toBe(operations / 100);
    const handedOut = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 10 });
    expect(handedOut).toHaveLength(10);
    expect(await store.stats()).toMatchObject({ completed: 2_000, running: 2_010, waiting: 1_990 });

    const shares = await Promise.all(
      cluster.masters.map(async ({ url }) => {
        const records = await connect(url).keys(`${prefix}:*:op:${"?".repeat(64)}`);
        return records.length;
      }),
    );
    expect(shares.reduce((a, b) => a + b)).toBe(operations);
    // Of 16 partitions, 2 or 3 are on each master.
    expect(Math.min(...shares)).toBeGreaterThan((operations * 2 * 0.85) / 16);
    expect(Math.max(...shares)).toBeLessThan((operations * 3 * 1.15) / 16);
  });
});
