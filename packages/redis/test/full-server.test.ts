/** A full server and a process that has just connected to it: it, too, can bring what runs to its end, and nobody takes anything new. */
import type { OperationId } from "@hooklatch/core";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect } from "./support/clients.js";
import { forgetIndexes } from "./support/letter-cases.js";
import { claimOf, completionOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

describe.skipIf(redisServer() === undefined)("a full server", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it("lets a new connection end what runs, and takes nothing new beside it", async () => {
    const prefix = newPrefix();
    const admin = connect(server.url);
    const store = redisStore(admin, { prefix });
    const [done, beating] = [await holding(store, claimOf("done")), await holding(store, claimOf("beating"))];
    await admin.config("SET", "maxmemory", 1);
    try {
      const fresh = redisStore(connect(server.url), { prefix });
      // In one turn, so in one script: the heartbeat must not open the door for the others.
      const [beat, completed, ...claims] = await Promise.allSettled([
        fresh.extend({ ...beating, leaseMs: 60_000 }),
        fresh.complete(completionOf(done)),
        fresh.claim(claimOf("new 1")),
        fresh.claim(claimOf("new 2", { event: Buffer.alloc(100_000) })),
      ]);
      expect([beat, completed]).toMatchObject([{ value: true }, { value: true }]);
      for (const claim of claims)
        expect(claim).toMatchObject({ reason: { code: "store_unavailable", retryable: true } });
      const letters = redisDeadLetters(connect(server.url), { prefix });
      expect(await letters.remove("no such letter", { bornAt: 1, token: 1 })).toBe(false);
    } finally {
      await admin.config("SET", "maxmemory", 0);
    }
  });

  it("lets what was replayed run and end, with all that is kept of it, and takes no new replay", async () => {
    const prefix = newPrefix();
    const client = connect(server.url);
    const store = redisStore(client, { prefix });
    const error = { name: "Error", message: "it failed" };
    const event = Buffer.of(1);
    for (const key of ["replayed", "dead"])
      await store.fail({ ...(await holding(store, claimOf(key))), error, letter: true });
    const [id, dead] = ["replayed", "dead"].map((key) => ({ scope: "s", key })) as [OperationId, OperationId];
    await store.schedule({ id, replayId: "r", delayMs: 0, event, originalEvent: event });
    await client.config("SET", "maxmemory", 1);
    try {
      const poll = { scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 10 };
      const work = await store.claimDue(poll);
      const run = work.find(({ kind }) => kind === "run");
      expect(run).toMatchObject({ id, replay: true });
      expect(await store.complete(completionOf({ id, owner: "w", token: run?.token ?? 0 }))).toBe(true);
      expect(await store.get(id)).toMatchObject({ state: "completed", replays: [{ replayId: "r" }] });
      const another = store.schedule({
        id: { scope: "s", key: "unknown" },
        replayId: "r",
        delayMs: 0,
        event,
      });
      await expect(another).rejects.toMatchObject({ code: "store_unavailable", retryable: true });
      expect((await store.get(dead))?.replays).toEqual([]);
    } finally {
      await client.config("SET", "maxmemory", 0);
    }
  });

  it("finds letters of an older version, which it must index first", async () => {
    const prefix = newPrefix();
    const client = connect(server.url);
    const letters = redisDeadLetters(client, { prefix });
    await letters.push(letterOf("k", { tenant: "x" }));
    await forgetIndexes({ client, prefix });
    await client.config("SET", "maxmemory", 1);
    try {
      expect(await letters.count({ tenant: "x", errorText: "NO" })).toBe(1);
    } finally {
      await client.config("SET", "maxmemory", 0);
    }
  });
});
