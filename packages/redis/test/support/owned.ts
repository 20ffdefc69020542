/** Stores and queues that close the client they were given: one independent connection each, as the contracts ask for. */
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import {
  type RedisClient,
  type RedisDeadLetterOptions,
  type RedisStoreOptions,
  redisDeadLetters,
  redisStore,
} from "@hooklatch/redis";

type Client = RedisClient & { quit(): Promise<unknown> };

export function ownedStore(client: Client, options: RedisStoreOptions): IdempotencyStore {
  return closing(redisStore(client, options), client);
}

export function ownedLetters(client: Client, options: RedisDeadLetterOptions): DeadLetterQueue {
  return closing(redisDeadLetters(client, options), client);
}

function closing<Opened extends { close?(): Promise<void> }>(opened: Opened, client: Client): Opened {
  return {
    ...opened,
    async close() {
      await opened.close?.();
      // It may be closed already: closing twice is fine.
      await client.quit().catch(() => {});
    },
  };
}
