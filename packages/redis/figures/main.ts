/** `pnpm --filter @hooklatch/redis figures`: what docs/redis.md says about memory and commands, measured on a server of its own. */
import { randomBytes, randomUUID } from "node:crypto";
import { type ClaimRequest, type IdempotencyStore, withIdempotency } from "@hooklatch/core";
import { startRedis } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { redisDeadLetters, redisStore } from "../src/index.js";

const RECORDS = 10_000;
const EVENT = randomBytes(1_024);
const server = await startRedis();
const client = new Redis(server.url);
let owners = 0;

function claimOf(key: string, event: Uint8Array | undefined): ClaimRequest {
  // As the engine names owners: the process's boot id and a counter.
  const owner = `${bootId}:${++owners}`;
  const id = { scope: "stripe", key: `evt_${key}` };
  return { id, owner, leaseMs: 60_000, event, redelivery: "rerun", redeliveryAfterMs: 60_000 };
}
const bootId = randomUUID();

async function usedMemory(): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
}

/** Bytes for each of many records that `make` makes. */
async function bytesPer(make: (store: IdempotencyStore, key: string) => Promise<unknown>): Promise<number> {
  const store = redisStore(client, { prefix: randomUUID() });
  await store.stats();
  const before = await usedMemory();
  for (let n = 0; n < RECORDS; n += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => make(store, `${n + i}`.padStart(24, "0"))));
  }
  return Math.round(((await usedMemory()) - before) / RECORDS);
}

async function complete(store: IdempotencyStore, key: string, result: Uint8Array | null): Promise<void> {
  const request = claimOf(key, EVENT);
  const claim = await store.claim(request);
  if (claim.status !== "claimed") throw new Error(`not new: ${key}`);
  const ended = { attempt: 1, startedAt: Date.now(), durationMs: 12, owner: request.owner };
  const held = { id: request.id, owner: request.owner, token: claim.token };
  await store.complete({ ...held, result, retentionMs: 86_400_000, ended });
}

/** Commands that clients sent, by name, while `act` ran. What scripts call does not count, nor does this question. */
async function commandsOf(act: () => Promise<unknown>): Promise<string> {
  const watcher = new Redis(server.url);
  const monitor = await watcher.monitor();
  const seen = new Map<string, number>();
  let ended: (() => void) | undefined;
  monitor.on("monitor", (_time: string, [name = "", first]: string[], source: string) => {
    if (first === "the end") ended?.();
    else if (source !== "lua") seen.set(name, (seen.get(name) ?? 0) + 1);
  });
  await act();
  await new Promise<void>((resolve) => {
    ended = resolve;
    void watcher.echo("the end");
  });
  monitor.disconnect();
  watcher.disconnect();
  return [...seen].map(([name, times]) => `${times} ${name}`).join(", ") || "none";
}

const rows: [what: string, figure: string | number][] = [];
rows.push(["bytes: completed, result not kept or empty", await bytesPer((s, key) => complete(s, key, null))]);
rows.push([
  "bytes: completed, result of 256 bytes",
  await bytesPer((s, key) => complete(s, key, randomBytes(256))),
]);
rows.push([
  "bytes: waiting, event of 1 KiB",
  await bytesPer(async (store, key) => {
    const request = claimOf(key, EVENT);
    await store.claim(request);
    await store.retry({ id: request.id, owner: request.owner, token: 1, delayMs: 3_600_000 });
  }),
]);
const letters = redisDeadLetters(client, { prefix: randomUUID() });
rows.push([
  "bytes: letter, event of 1 KiB, 4 attempts with stacks of 1 KiB",
  await bytesPer((_, key) => {
    const error = { name: "TypeError", message: "it failed", code: "E_FAILED", stack: "s".repeat(1_024) };
    const attempts = [1, 2, 3, 4].map((attempt) => ({
      attempt,
      round: 1,
      startedAt: 1,
      durationMs: 1,
      error,
    }));
    const letter = {
      id: randomBytes(32).toString("hex"),
      scope: "stripe",
      key,
      bornAt: 1,
      token: 4,
      event: EVENT,
    };
    return letters.push({ ...letter, error, attempts, rounds: 1, firstFailedAt: 1, diedAt: 2 });
  }),
]);

for (const partitions of [16, 256]) {
  const store = redisStore(client, { prefix: randomUUID(), partitions });
  const handle = withIdempotency((n: number) => n, { store, scope: "figures", worker: false });
  await handle(0);
  const on = `${partitions} partitions`;
  rows.push([`commands: a new operation (${on})`, await commandsOf(() => handle(1))]);
  rows.push([`commands: its duplicate (${on})`, await commandsOf(() => handle(1))]);
  const many = Array.from({ length: 64 }, (_, n) => n + 100);
  rows.push([`commands: 64 new ones at once (${on})`, await commandsOf(() => Promise.all(many.map(handle)))]);
  const poll = { scopes: ["figures"], owner: "worker", leaseMs: 1_000, limit: 10 };
  rows.push([`commands: a worker's poll, nothing due (${on})`, await commandsOf(() => store.claimDue(poll))]);
  await handle.close();
}

for (const [what, figure] of rows) console.log(`${what.padEnd(64)} ${figure}`);
client.disconnect();
await server.stop();
