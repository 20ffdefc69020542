/** The stores, asked as `withIdempotency` asks them. */
import { type IdempotencyStore, memoryStore, type OperationId } from "@hooklatch/core";
import { redisStore } from "@hooklatch/redis";
import { sqliteStore } from "@hooklatch/sqlite";
import { Redis } from "ioredis";
import { expectBytes, keyOf, type Open, type Payload, type Subject } from "./subject.js";

const LEASE_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** As long as those of the engine: a UUID and a counter. */
const BOOT = "0b6c1f0e-6a57-4f0b-9a0e-5d1d2b8f6c11";

export const onMemory: Open = (_, payload) => subjectOf(memoryStore(), payload);

export const onSqlite: Open = (path, payload) => subjectOf(sqliteStore(path), payload);

export const onRedis: Open = (url, payload) => {
  const client = new Redis(url);
  return subjectOf(redisStore(client), payload, () => client.disconnect());
};

function subjectOf(store: IdempotencyStore, payload: Payload, disconnect = () => {}): Subject {
  const { event, result } = payload;
  const idOf = (n: number): OperationId => ({ scope: "bench", key: keyOf(n) });
  const ownerOf = (n: number) => `${BOOT}:${n}`;
  const request = (n: number, owner: string) => ({
    id: idOf(n),
    owner,
    leaseMs: LEASE_MS,
    event,
    redelivery: "rerun" as const,
    redeliveryAfterMs: LEASE_MS,
  });
  return {
    async claim(n) {
      const claim = await store.claim(request(n, ownerOf(n)));
      if (claim.status !== "claimed") throw new Error(`A new key is ${claim.status}.`);
    },
    async complete(n) {
      const ended = { attempt: 1, startedAt: Date.now(), durationMs: 1 };
      const held = { id: idOf(n), owner: ownerOf(n), token: 1 };
      const done = await store.complete({ ...held, result, retentionMs: DAY_MS, ended });
      if (!done) throw new Error("A completion was refused.");
    },
    async duplicate(n) {
      const claim = await store.claim(request(n, `${ownerOf(n)}:again`));
      if (claim.status !== "completed") throw new Error(`A completed key is ${claim.status}.`);
      expectBytes(claim.result, payload);
    },
    async close() {
      await store.close?.();
      disconnect();
    },
  };
}
