import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis5";
import { expect, it } from "vitest";
import type { RedisClient, RedisCluster } from "../src/index.js";

// The type check is the test: each of them can be passed as it is.
it("clients of both ioredis lines can be passed", () => {
  const single: RedisClient[] = [new Redis({ lazyConnect: true }), new Redis5({ lazyConnect: true })];
  const cluster: (RedisClient & RedisCluster)[] = [
    new Cluster([7000], { lazyConnect: true }),
    new Cluster5([7000], { lazyConnect: true }),
  ];
  expect([...single, ...cluster].map((client) => client.isCluster)).toEqual([false, false, true, true]);
});
