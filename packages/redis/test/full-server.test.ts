/** A full server and a process that has just connected to it: it, too, can bring what runs to its end, and nobody takes anything new. */
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect } from "./support/clients.js";
import { claimOf, completionOf, holding } from "./support/requests.js";
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
});
