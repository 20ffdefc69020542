import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import type { Redis } from "ioredis";

/** What a case of ours has. */
export interface Given {
  store: IdempotencyStore;
  letters: DeadLetterQueue;
  /** A client without keyPrefix, to look at the keys. */
  client: Redis;
  prefix: string;
}
