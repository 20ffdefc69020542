/** What the contracts leave to each store and Redis does like `@hooklatch/core/life`: cases like theirs, so that mutants can be shown to them. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import type { IdempotencyStore } from "@hooklatch/core";
import type { ContractCase } from "@hooklatch/testing";
import type { Redis } from "ioredis";
import type { Given } from "./given.js";
import { letterCases } from "./letter-cases.js";
import { claimOf, holding } from "./requests.js";

const EVENT = new TextEncoder().encode("an event");
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
    const key = await onlyOperation(client, prefix);
    const before = await timeOf(client);
    const left = await client.pttl(key);
    const after = await timeOf(client);
    assert.ok(after + left >= expiresAt, `${expiresAt - after - left} ms too early`);
    assert.ok(before + left <= expiresAt + 16, `${before + left - expiresAt} ms late`);
    const { completed } = await store.stats();
    // On a busy machine its time may be over by now.
    if ((await timeOf(client)) < expiresAt) assert.equal(completed, 1);
    while ((await client.exists(key, `${key}:result`)) > 0) await setTimeout(5);
    assert.equal((await store.stats()).completed, 0);
    // Counts of moments that are over are forgotten when a new one comes up.
    await expiring(store, "k", 500);
    const [counts] = await client.keys(`${prefix}:*:counts`);
    assert.equal(await client.hlen(String(counts)), 1);
  },

  "retention: what is over is absent, also while Redis still has it": async ({ store, client, prefix }) => {
    const { id } = await expiring(store, "k", 3_600_000);
    const key = await onlyOperation(client, prefix);
    await client.hset(key, "expiresAt", await timeOf(client));
    assert.equal(await store.get(id), undefined);
    assert.equal(await client.exists(key), 1);
    assert.equal((await store.claim(claimOf("k"))).status, "claimed");
    const { running, completed } = await store.stats();
    assert.deepEqual({ running, completed }, { running: 1, completed: 0 });
  },

  "schedule: what is kept of a replay goes with its operation": async ({ store, client, prefix }) => {
    const schedule = { replayId: "r", delayMs: 0, event: EVENT, originalEvent: EVENT };
    const died = await holding(store, claimOf("deleted"));
    await store.fail({ ...died, error: ERROR, letter: false });
    await store.schedule({ id: died.id, ...schedule });
    assert.equal((await client.keys(`${prefix}:*:op:*`)).length, 5);
    assert.equal(await store.delete(died.id), true);
    assert.deepEqual(await client.keys(`${prefix}:*:op:*`), []);

    const held = await holding(store, claimOf("completed"));
    await store.fail({ ...held, error: ERROR, letter: false });
    await store.schedule({ id: held.id, ...schedule });
    const [run] = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 1 });
    const completion = {
      id: held.id,
      owner: "w",
      token: run?.token ?? 0,
      result: EVENT,
      retentionMs: 60_000,
    };
    assert.equal(await store.complete(completion), true);
    const { token = 0, bornAt = 0 } = (await store.get(held.id)) ?? {};
    await store.settle({ id: held.id, bornAt, token, letter: "removed" });
    const keys = await client.keys(`${prefix}:*:op:*`);
    assert.deepEqual(keys.map(besideOf).sort(), ["", ":attempts", ":original", ":replays", ":result"]);
    const left = await Promise.all(keys.map((key) => client.pttl(key)));
    assert.ok(
      left.every((ms) => ms > 0 && ms < 70_000),
      String(left),
    );
  },

  "discard: nothing is left beside the record, nor of it once its letter is removed": async ({
    store,
    client,
    prefix,
  }) => {
    const schedule = { replayId: "r", delayMs: 0, event: EVENT, originalEvent: EVENT };
    const { id } = await holding(store, claimOf("k"));
    await store.schedule({ id, ...schedule, force: true });
    const [run] = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 1 });
    await store.fail({ id, owner: "w", token: run?.token ?? 0, error: ERROR, letter: true });
    const { token = 0, bornAt = 0 } = (await store.get(id)) ?? {};
    assert.equal(await store.discard({ id, bornAt, token }), true);
    const keys = await client.keys(`${prefix}:*:op:*`);
    assert.deepEqual(keys.map(besideOf), [""]);
    assert.equal(await client.pttl(String(keys[0])), -1);
    assert.equal(await store.settle({ id, bornAt, token, letter: "removed" }), true);
    while ((await client.keys(`${prefix}:*:op:*`)).length > 0) await setTimeout(5);
    assert.equal((await store.stats()).released, 0);
  },

  "schedule: an operation without a replay has no key for one": async ({ store, client, prefix }) => {
    const done = await expiring(store, "k", 60_000);
    await store.claim(claimOf("k"));
    const keys = await client.keys(`${prefix}:*:op:*`);
    assert.deepEqual(keys.map(besideOf).sort(), ["", ":result"]);
    assert.deepEqual((await store.get(done.id))?.replays, []);
  },

  "schedule: what another operation of this name left behind is no part of its history": async ({
    store,
    client,
    prefix,
  }) => {
    const request = { replayId: "r", delayMs: 0, event: EVENT, originalEvent: EVENT };
    const { id } = await holding(store, claimOf("k"));
    await store.schedule({ id, ...request, force: true });
    // Redis drops keys one by one, where an evicting policy was accepted.
    await client.del(await onlyOperation(client, prefix));
    await store.claim(claimOf("k"));
    const born = await store.get(id);
    assert.deepEqual([born?.replays, born?.originalEvent], [[], undefined]);
    await store.schedule({ id, replayId: "another", delayMs: 0, force: true });
    const replayed = await store.get(id);
    assert.deepEqual(
      [replayed?.replays.map(({ replayId }) => replayId), replayed?.originalEvent],
      [["another"], undefined],
    );
  },

  "schedule: the past of another store is kept as it was, but for the newest 200": async ({ store }) => {
    const id = { scope: "s", key: "k" };
    const attempt = (n: number) => ({ attempt: n, round: 3, startedAt: n, durationMs: 0 });
    // A crashed attempt has no owner, and a letter of an old version no round.
    const attempts = Array.from({ length: 205 }, (_, n) => ({ ...attempt(n + 1), error: ERROR }));
    const replays = Array.from({ length: 205 }, (_, n) => ({ round: n + 2, at: n, replayId: `r${n}` }));
    const past = { bornAt: 5, rounds: 3, attempts, replays };
    await store.schedule({ id, replayId: "r", delayMs: 0, event: EVENT, past });
    const found = await store.get(id);
    assert.deepEqual(found?.attempts, attempts.slice(-200));
    assert.deepEqual(found?.replays.slice(0, -1), replays.slice(-199));
  },
};

export function furtherCases(open: () => Given): ContractCase[] {
  return Object.entries({ ...cases, ...letterCases }).map(([name, body]) => ({
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
  return { ...held, expiresAt: Number((await store.get(held.id))?.expiresAt) };
}

async function timeOf(client: Redis): Promise<number> {
  const [seconds, micros] = (await client.time()) as [number | string, number | string];
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
}

/** What comes after the name of an operation. */
const besideOf = (key: string): string => key.slice(key.indexOf(":op:") + 68);

async function onlyOperation(client: Redis, prefix: string): Promise<string> {
  const keys = await client.keys(`${prefix}:*:op:${"?".repeat(64)}`);
  assert.equal(keys.length, 1);
  return String(keys[0]);
}

async function onlyScore(client: Redis, pattern: string): Promise<number> {
  const sets = await client.keys(pattern);
  assert.equal(sets.length, 1);
  const [, score] = await client.zrange(String(sets[0]), "0", "-1", "WITHSCORES");
  return Number(score);
}
