/** What the contracts leave to each store and Redis does like `@hooklatch/core/life`: cases like theirs, so that mutants can be shown to them. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import type { ContractCase } from "@hooklatch/testing";
import type { Redis } from "ioredis";
import { claimOf, holding, letterOf } from "./requests.js";

export interface Given {
  store: IdempotencyStore;
  letters: DeadLetterQueue;
  /** A client without keyPrefix, to look at the keys. */
  client: Redis;
  prefix: string;
}

const ERROR = { name: "Error", message: "it failed" };
const ended = (attempt: number) => ({ attempt, startedAt: attempt, durationMs: 1, error: ERROR });

const cases: Record<string, (given: Given) => Promise<void>> = {
  "letter: offered again after 1, 2, 4 and then always 8 leases": async ({ store, client, prefix }) => {
    const held = await holding(store, claimOf("k"));
    await store.fail({ ...held, error: ERROR, letter: true });
    const leaseMs = 10;
    for (const leases of [1, 2, 4, 8, 8]) {
      const before = await timeOf(client);
      const owner = `worker ${leases} at ${before}`;
      const [note] = await store.claimDue({ scopes: ["s"], owner, leaseMs, limit: 1 });
      const after = await timeOf(client);
      assert.equal(note?.kind, "push");
      const dueAt = await onlyScore(client, `${prefix}:*:letters:*`);
      assert.ok(dueAt >= before + leases * leaseMs, `after ${dueAt - before} ms`);
      assert.ok(dueAt <= after + leases * leaseMs, `after ${dueAt - after} ms`);
      while ((await timeOf(client)) < dueAt);
    }
  },

  "claimDue: resent, it renews the lease": async ({ store }) => {
    await store.retry({ ...(await holding(store, claimOf("k"))), delayMs: 0 });
    const request = { scopes: ["s"], owner: "worker", leaseMs: 60_000, limit: 1 };
    const [first] = await store.claimDue({ ...request, leaseMs: 1 });
    assert.equal(first?.kind, "run");
    const [again] = await store.claimDue(request);
    assert.deepEqual(again, first);
    const record = await store.get(first.id);
    assert.ok(Number(record?.leaseUntil) - Number(record?.changedAt) >= 60_000);
  },

  "attempts: of very many the newest 200 are kept": async ({ store }) => {
    const held = await holding(store, claimOf("k"));
    for (let attempt = 1; attempt <= 205; attempt++) {
      assert.equal(await store.extend({ ...held, leaseMs: 60_000, attempt, ended: ended(attempt) }), true);
    }
    const { attempts } = (await store.get(held.id)) ?? {};
    assert.deepEqual(
      attempts?.map(({ attempt }) => attempt),
      Array.from({ length: 200 }, (_, n) => n + 6),
    );
  },

  "stats: what is forgotten, and made anew, is counted once": async ({ store, client }) => {
    const { expiresAt } = await expiring(store, "k", 100);
    while ((await timeOf(client)) < expiresAt);
    assert.equal((await store.claim(claimOf("k"))).status, "claimed");
    const { running, completed } = await store.stats();
    assert.deepEqual({ running, completed }, { running: 1, completed: 0 });
  },

  "stats: what Redis drops by itself is no longer counted": async ({ store, client, prefix }) => {
    const { expiresAt } = await expiring(store, "k", 500);
    const [key] = await client.keys(`${prefix}:*:op:${"?".repeat(64)}`);
    const before = await timeOf(client);
    const left = await client.pttl(String(key));
    const after = await timeOf(client);
    assert.ok(after + left >= expiresAt, `${expiresAt - after - left} ms too early`);
    assert.ok(before + left <= expiresAt + 1_024, `${before + left - expiresAt} ms late`);
    assert.equal((await store.stats()).completed, 1);
    while ((await client.exists(String(key), `${key}:result`)) > 0) await setTimeout(5);
    assert.equal((await store.stats()).completed, 0);
    // Counts of moments that are over are forgotten when a new one comes up.
    await expiring(store, "k", 500);
    const [counts] = await client.keys(`${prefix}:*:counts`);
    assert.equal(await client.hlen(String(counts)), 1);
  },

  "list: many letters, of which no index finds the right ones by itself": async ({ letters }) => {
    const all = Array.from({ length: 1_250 }, (_, n) =>
      letterOf(`k${n}`, { tenant: n % 2 ? "odd" : "even" }),
    );
    await Promise.all(all.map((letter) => letters.push(letter)));
    const odd = all.filter(({ tenant }) => tenant === "odd").reverse();
    const first = await letters.list({ tenant: "odd", limit: 400 });
    const { letters: rest, nextCursor } = await letters.list({
      tenant: "odd",
      limit: 400,
      cursor: first.nextCursor,
    });
    assert.deepEqual(
      [...first.letters, ...rest].map(({ id }) => id),
      odd.map(({ id }) => id),
    );
    assert.equal(nextCursor, undefined);
    assert.equal(await letters.count({ tenant: "odd" }), odd.length);
    assert.equal((await letters.list({ limit: 1_000 })).letters.length, 1_000);
  },
};

export function furtherCases(open: () => Given): ContractCase[] {
  return Object.entries(cases).map(([name, body]) => ({
    name,
    async run() {
      const given = open();
      await body(given);
      await given.store.close?.();
      await given.letters.close?.();
    },
  }));
}

async function expiring(store: IdempotencyStore, key: string, retentionMs: number) {
  const held = await holding(store, claimOf(key));
  assert.equal(await store.complete({ ...held, result: new Uint8Array([1]), retentionMs }), true);
  return { expiresAt: Number((await store.get(held.id))?.expiresAt) };
}

async function timeOf(client: Redis): Promise<number> {
  const [seconds, micros] = (await client.time()) as [number | string, number | string];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

async function onlyScore(client: Redis, pattern: string): Promise<number> {
  const sets = await client.keys(pattern);
  assert.equal(sets.length, 1);
  const [, score] = await client.zrange(String(sets[0]), "0", "-1", "WITHSCORES");
  return Number(score);
}
