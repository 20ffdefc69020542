/** A script call carries many operations: one that fails does so alone, bytes arrive as they are, and a server that forgot the script gets it again. */
import { setTimeout } from "node:timers/promises";
import { storageKey } from "@hooklatch/core";
import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect } from "./support/clients.js";
import { claimOf, completionOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";

const everyByte = Uint8Array.from({ length: 256 }, (_, n) => n);
const MIB = 1024 * 1024;

describe.skipIf(redisServer() === undefined)("a call with many operations", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it("of which one meets a foreign value: that one rejects, the others are done", async () => {
    const client = connect(server.url);
    const prefix = newPrefix();
    const store = redisStore(client, { prefix, partitions: 1 });
    await store.stats();
    const [layout] = await client.keys(`${prefix}*`);
    expect(layout).toBeDefined();
    await store.claim(claimOf("shows the partition"));
    const [key = ""] = await client.keys(`${prefix}:*:op:${"?".repeat(64)}`);
    const base = key.slice(0, -64);
    await client.set(`${base}${storageKey({ scope: "s", key: "planted" })}`, "not ours");

    const names = ["a", "planted", "b"];
    const outcomes = await Promise.allSettled(names.map((name) => store.claim(claimOf(name))));
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(outcomes[1]).toMatchObject({ reason: { code: "store_unavailable", message: /WRONGTYPE/ } });
    expect(await store.stats()).toMatchObject({ running: 3 });
  });

  it("of which one letter meets a foreign value: that one rejects, the others are kept", async () => {
    const client = connect(server.url);
    const prefix = newPrefix();
    const letters = redisDeadLetters(client, { prefix });
    await letters.push(letterOf("shows the key"));
    const [key = ""] = await client.keys(`${prefix}:*:letter:*`);
    await client.set(key.replace(/letter:.*/, "letter:id of planted"), "not ours");
    const outcomes = await Promise.allSettled(
      ["a", "planted", "b"].map((name) => letters.push(letterOf(name))),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await letters.count()).toBe(3);
  });

  it("keeps every byte of events, results, owners, fingerprints and letters", async () => {
    const client = connect(server.url);
    const prefix = newPrefix();
    const store = redisStore(client, { prefix });
    const text = `${String.fromCharCode(...everyByte)}\u2028"+-{}%s\r\n*3\r\n$4\u{1F600}`;
    const id = { scope: text, tenant: text, key: text };
    const request = claimOf("", { id, owner: text, fingerprint: text, event: everyByte });
    const held = await holding(store, request);
    expect(await store.get(id)).toMatchObject({ id, owner: text, fingerprint: text, event: everyByte });
    expect(await store.complete(completionOf(held, everyByte))).toBe(true);
    expect(await store.claim(claimOf("", { id, fingerprint: text }))).toEqual({
      status: "completed",
      result: everyByte,
    });
    const letters = redisDeadLetters(client, { prefix });
    const letter = letterOf(text, { scope: text, tenant: text, event: everyByte });
    await letters.push(letter);
    expect(await letters.get(letter.id)).toMatchObject(letter);
    expect(await letters.count({ scope: text, tenant: text, key: text })).toBe(1);
  });

  it("of more than 1 MiB is split, and each event arrives whole", async () => {
    const client = connect(server.url);
    const store = redisStore(client, { prefix: newPrefix() });
    await store.claim(claimOf("warm"));
    // MONITOR would write all payloads out.
    const scriptCalls = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await client.info("commandstats"))?.[1]);
    const claims = Array.from({ length: 20 }, (_, n) =>
      claimOf(`k${n}`, { event: new Uint8Array(MIB / 5 - 1_000).fill(n) }),
    );
    claims.push(claimOf("huge", { event: new Uint8Array(3 * MIB).fill(7) }));
    const before = await scriptCalls();
    await Promise.all(claims.map((claim) => store.claim(claim)));
    // Five of them fit into one, and the huge one goes by itself.
    expect((await scriptCalls()) - before).toBe(5);
    for (const { id, event } of claims) {
      const kept = (await store.get(id))?.event;
      expect(Buffer.compare(kept ?? Buffer.of(), event ?? Buffer.of()), id.key).toBe(0);
    }
  });

  it("to a server that forgets its scripts all the time: no operation notices", async () => {
    const client = connect(server.url);
    const store = redisStore(client, { prefix: newPrefix() });
    const letters = redisDeadLetters(client, { prefix: newPrefix() });
    const done = new AbortController();
    let flushes = 0;
    const forgetting = (async () => {
      const other = connect(server.url);
      for (; !done.signal.aborted; flushes++) {
        await other.script("FLUSH");
        await setTimeout(5);
      }
    })();
    let next = 0;
    const worker = async () => {
      for (let n = next++; n < 500; n = next++) {
        const held = await holding(store, claimOf(`k${n}`));
        expect(await store.complete(completionOf(held))).toBe(true);
        expect(await store.claim(claimOf(`k${n}`))).toMatchObject({ status: "completed" });
        await letters.push(letterOf(`k${n}`));
      }
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    done.abort();
    await forgetting;
    expect(flushes).toBeGreaterThan(10);
    expect(await store.stats()).toMatchObject({ completed: 500, running: 0 });
    expect(await letters.count()).toBe(500);
  });
});
