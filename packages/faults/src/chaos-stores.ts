/** The stores that `chaos` runs on, with what goes wrong with each of them now and then. */
import { setTimeout as sleep } from "node:timers/promises";
import { startCluster, startRedis } from "@hooklatch/servers";
import { freshPrefix, type RedisBackend } from "./backends/redis.js";
import type { Rig } from "./rig.js";
import { failOver, pauseServer, restartServer } from "./store-nemesis.js";

/** `backend` absent: what a rig has by itself. `strike`: one fault, over when it resolves. */
export interface ChaosStore {
  backend?: RedisBackend;
  strike?: (rig: Rig) => Promise<void>;
  stop(): Promise<void>;
}

export const CHAOS_STORES: Record<string, () => Promise<ChaosStore>> = {
  sqlite: async () => ({ stop: async () => {} }),

  /** With all that it confirmed on its disk. It is killed, and it hangs. */
  async redis() {
    const server = await startRedis({ persistence: "aof-always" });
    return {
      backend: { kind: "redis", urls: [server.url], prefix: freshPrefix() },
      strike: ({ random, note }) =>
        random.chance(0.6)
          ? restartServer(server, random.between(0, 1_500), note)
          : pauseServer(server, random.between(100, 3_000), note),
      stop: () => server.stop(),
    };
  },

  /** Three masters and a replica each, which change places; a master hangs. None is killed: its replica may not have heard everything. */
  async cluster() {
    const cluster = await startCluster({ masters: 3, replicasPerMaster: 1, persistence: "aof-always" });
    const pairs = cluster.masters.map(
      (master, place) => [master, cluster.replicas[place] ?? master] as const,
    );
    return {
      backend: {
        kind: "redis",
        urls: cluster.masters.map(({ url }) => url),
        cluster: true,
        prefix: freshPrefix(),
      },
      strike: async ({ random, note }) => {
        const pair = random.pick(pairs);
        await (random.chance(0.7)
          ? failOver(pair, note)
          : pauseServer(random.pick(pair), random.between(100, 3_000), note));
      },
      stop: () => cluster.stop(),
    };
  },
};

export async function strikeSome(
  rig: Rig,
  { strike }: ChaosStore,
  times: number,
  onProgress: (done: number) => void,
): Promise<void> {
  for (let done = 1; strike !== undefined && done <= times; done++) {
    await sleep(rig.random.between(500, 4_000));
    await strike(rig);
    onProgress(done);
  }
}
