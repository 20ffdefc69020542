import { randomUUID } from "node:crypto";
import { redisDeadLetters, redisStore, type WaitForReplicas } from "@hooklatch/redis";
import { Cluster, Redis } from "ioredis";
import type { OpenBackend } from "../backend.js";

/** One client for store and letters, as ioredis makes it: an app of ours is no better prepared for a fault than a user's. */
export interface RedisBackend {
  kind: "redis";
  /** One server; nodes of a Cluster. */
  urls: readonly string[];
  cluster?: boolean;
  /** A run of its own has a prefix of its own. */
  prefix: string;
  waitForReplicas?: WaitForReplicas;
}

export const freshPrefix = (): string => `faults-${randomUUID()}`;

export function openRedis({ urls, cluster, prefix, waitForReplicas }: RedisBackend): OpenBackend {
  const client = cluster ? new Cluster([...urls]) : new Redis(urls[0] as string);
  // Told by what fails for lack of a connection; without a listener, ioredis prints it.
  client.on("error", () => {});
  const options = { prefix, waitForReplicas };
  const store = redisStore(client, options);
  const letters = redisDeadLetters(client, options);
  return {
    store,
    letters,
    // The servers of a cluster end with their test.
    ...(client instanceof Cluster ? {} : { clear: () => clear(client, prefix) }),
    async close() {
      await letters.close?.();
      await store.close?.();
      // Not quit(), which would wait for a server that is down.
      client.disconnect();
    },
  };
}

async function clear(client: Redis, prefix: string): Promise<void> {
  for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
    await Promise.all((keys as string[]).map((key) => client.unlink(key)));
  }
}
