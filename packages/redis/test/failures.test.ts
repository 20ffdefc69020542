/** A server that is gone, stopped, full or silent: each call ends in time, with an error worth another try, and all goes on by itself after that. */
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import type { Held } from "@hooklatch/core";
import { type RedisProcess, redisServer, startProxy, startRedis } from "@hooklatch/servers";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect, type Options } from "./support/clients.js";
import { claimOf, completionOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";
import { openSwitchboard } from "./support/switchboard.js";
import { expectAnswers, expectFailures, letterVerbs, storeVerbs } from "./support/verbs.js";

const timeoutMs = 400;
const LATE = ["store_timeout"];
const GONE = ["store_timeout", "store_unavailable"];

function opened(client: Redis) {
  const prefix = newPrefix();
  const store = redisStore(client, { prefix, timeoutMs });
  const letters = redisDeadLetters(client, { prefix, timeoutMs });
  return { client, store, letters, verbs: () => ({ ...storeVerbs(store), ...letterVerbs(letters) }) };
}

/** Once more and more, until all verbs are answered. */
function recovers({ verbs }: Pick<ReturnType<typeof opened>, "verbs">): Promise<void> {
  return vi.waitFor(() => expectAnswers(verbs()), { timeout: 15_000, interval: 20 });
}

const quickly: Options = { retryStrategy: () => 20 };

describe.skipIf(redisServer() === undefined)("while the server", () => {
  let servers: RedisProcess[];
  beforeAll(async () => {
    servers = await Promise.all(Array.from({ length: 6 }, () => startRedis()));
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));
  /** One for each test, because they run at the same time. */
  const server = (n: number) => servers[n] as RedisProcess;

  it.concurrent("is stopped, every verb rejects in time; then all goes on", async () => {
    const given = opened(connect(server(0).url));
    await recovers(given);
    server(0).pause();
    for (let n = 0; n < 2; n++) await expectFailures(given.verbs(), LATE, timeoutMs);
    server(0).resume();
    await recovers(given);
  });

  it.concurrent("is stopped before the first call too", async () => {
    const client = connect(server(1).url);
    await client.ping();
    server(1).pause();
    const given = opened(client);
    await expectFailures(given.verbs(), LATE, timeoutMs);
    server(1).resume();
    await recovers(given);
  });

  it.concurrent("pauses its clients for longer than the deadline, the same", async () => {
    const given = opened(connect(server(2).url));
    await recovers(given);
    await connect(server(2).url).client("PAUSE", 3 * timeoutMs, "ALL");
    await expectFailures(given.verbs(), LATE, timeoutMs);
    await recovers(given);
  });

  it.concurrent("is dead, the same, and what was given up is not sent to its successor", async () => {
    const given = opened(connect(server(3).url, quickly));
    await recovers(given);
    const closed = once(given.client, "close");
    await server(3).kill();
    await closed;
    const request = claimOf("given up");
    const givenUp = {
      ...given.verbs(),
      claim: () => given.store.claim(request),
      push: () => given.letters.push(letterOf("given up")),
    };
    await expectFailures(givenUp, GONE, timeoutMs);
    await server(3).restart();
    await recovers(given);
    expect(await given.store.get(request.id)).toBeUndefined();
    expect(await given.letters.get("id of given up")).toBeUndefined();
  });

  it.concurrent("refuses connections, the same", async () => {
    const proxy = await startProxy(server(4));
    const given = opened(connect(proxy.url(), quickly));
    await recovers(given);
    proxy.behave("refuse");
    const request = claimOf("given up");
    await expectFailures({ ...given.verbs(), claim: () => given.store.claim(request) }, GONE, timeoutMs);
    await expectFailures(given.verbs(), GONE, timeoutMs);
    expect(proxy.counts.refusedConnections).toBeGreaterThan(1);
    proxy.behave("pass");
    await recovers(given);
    given.client.disconnect();
    await proxy.close();
  });

  it.concurrent("answers too late, every verb rejects in time, and a claim resent is the same claim", async () => {
    const proxy = await startProxy(server(4));
    const given = opened(connect(proxy.url()));
    await recovers(given);
    proxy.behave({ latencyMs: 2 * timeoutMs });
    const request = claimOf("late");
    await expectFailures({ ...given.verbs(), claim: () => given.store.claim(request) }, LATE, timeoutMs);
    proxy.behave("pass");
    await recovers(given);
    expect(await given.store.claim(request)).toMatchObject({ status: "claimed", token: 1 });
    given.client.disconnect();
    await proxy.close();
  });
});

describe.skipIf(redisServer() === undefined)("a half-open connection", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  /** A client whose connection has just fallen silent; a new one would pass. */
  async function silenced(options: Options = {}) {
    const board = await openSwitchboard(server);
    const given = opened(connect(board.url, { ...quickly, disconnectTimeout: 300, ...options }));
    await recovers(given);
    board.silence();
    const end = async () => {
      given.client.disconnect();
      await board.close();
    };
    return { ...given, end };
  }

  it.concurrent("makes every verb reject in time, and is given up for a new one", async () => {
    const given = await silenced();
    await expectFailures(given.verbs(), LATE, timeoutMs);
    await recovers(given);
    await given.end();
  });

  it.concurrent("is given up for a new one where only a worker uses it", async () => {
    const given = await silenced();
    const poll = () => given.store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1_000, limit: 1 });
    await expectFailures({ poll }, LATE, timeoutMs);
    await vi.waitFor(poll, { timeout: 15_000, interval: 20 });
    await given.end();
  });

  it.concurrent("that was given up gets no more calls, to be sent to the next one", async () => {
    // As ioredis has it: what is left of a connection that is given up is awaited for two seconds.
    const given = await silenced({ disconnectTimeout: 2_000 });
    const givenUp = new Promise<void>((resolve) => {
      const { disconnect } = given.client;
      given.client.disconnect = (reconnect) => {
        disconnect.call(given.client, reconnect);
        resolve();
      };
    });
    const trying = vi.waitFor(() => given.store.stats(), { timeout: 15_000, interval: 20 });
    await givenUp;
    const request = claimOf("of the connection that was given up");
    const outcome = await given.store.claim(request).then(
      () => "answered",
      () => "given up",
    );
    await trying;
    await recovers(given);
    const kept = await vi.waitFor(() => given.store.get(request.id));
    await given.end();
    expect({ outcome, kept: kept !== undefined }).not.toEqual({ outcome: "given up", kept: true });
  });
});

describe.skipIf(redisServer() === undefined)("a server that is full", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
  });
  afterAll(() => server.stop());

  it("takes nothing new, and lets what runs come to its end", async () => {
    const { client, store, letters } = opened(connect(server.url));
    const error = { name: "Error", message: "it failed" };
    const ended = { attempt: 1, startedAt: 1, durationMs: 1, error };
    const held = {} as Record<
      "extend" | "complete" | "retry" | "fail" | "release" | "settle" | "discard",
      Held
    >;
    for (const name of ["extend", "complete", "retry", "fail", "release", "settle", "discard"] as const) {
      const event = name === "release" ? undefined : Buffer.alloc(100);
      held[name] = await holding(store, claimOf(name, { event }));
    }
    await store.fail({ ...held.settle, error, letter: true });
    const due = await holding(store, claimOf("due"));
    await store.retry({ ...due, delayMs: 0 });
    await letters.push(letterOf("kept"));
    await store.fail({ ...held.discard, error, letter: true });
    const version = async ({ id, token }: Held) => ({
      id,
      token,
      bornAt: (await store.get(id))?.bornAt ?? 0,
    });
    const [settled, discarded] = [await version(held.settle), await version(held.discard)];

    await client.config("SET", "maxmemory", 1);
    const full = { code: "store_unavailable", retryable: true, message: /OOM.*it is full/ };
    await expect(store.claim(claimOf("new"))).rejects.toMatchObject(full);
    await expect(store.claim(claimOf("new", { event: undefined }))).rejects.toMatchObject(full);
    await expect(letters.push(letterOf("new"))).rejects.toMatchObject(full);
    const replay = { id: { scope: "s", key: "new" }, replayId: "r", delayMs: 0, event: Buffer.of(1) };
    await expect(store.schedule(replay)).rejects.toMatchObject(full);

    expect(await store.extend({ ...held.extend, leaseMs: 60_000, attempt: 2, ended })).toBe(true);
    expect(await store.complete({ ...completionOf(held.complete, Buffer.alloc(100)), ended })).toBe(true);
    expect(await store.retry({ ...held.retry, delayMs: 60_000, ended })).toBe(true);
    expect(await store.fail({ ...held.fail, error, ended, letter: false })).toBe(true);
    expect(await store.release({ ...held.release, retentionMs: 60_000 })).toBe(true);
    expect(await store.outrank({ ...settled, other: settled.bornAt })).toBe(true);
    settled.bornAt++;
    expect(await store.settle({ ...settled, letter: "pushed" })).toBe(true);
    expect(await store.discard(discarded)).toBe(true);
    expect(await store.settle({ ...discarded, letter: "removed" })).toBe(true);
    expect(await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 10 })).toMatchObject([
      { kind: "run", id: due.id, token: 2 },
    ]);
    expect(await store.claim(claimOf("complete"))).toMatchObject({ status: "completed" });
    expect(await store.delete(held.retry.id)).toBe(true);
    expect(await letters.remove("id of kept")).toBe(true);
    // What was discarded goes a moment later, when Redis drops it.
    await expect
      .poll(() => store.stats())
      .toMatchObject({ running: 2, completed: 1, dead: 2, released: 1, waiting: 0 });
    expect(await store.get({ scope: "s", key: "new" })).toBeUndefined();

    await client.config("SET", "maxmemory", 0);
    expect(await store.claim(claimOf("new"))).toMatchObject({ status: "claimed", token: 1 });
  });
});

describe.skipIf(redisServer() === undefined)("a client", () => {
  let server: RedisProcess;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(() => server.stop());

  it("that was disconnected for good: store_unavailable at once, until it is connected again", async () => {
    const given = opened(connect(server.url));
    await recovers(given);
    const ended = once(given.client, "end");
    given.client.disconnect();
    await ended;
    await expectFailures(given.verbs(), ["store_unavailable"], 0);
    await given.client.connect();
    await recovers(given);
  });

  it("that never found its server: store_timeout, and then all goes on", async () => {
    const board = await openSwitchboard({ host: "127.0.0.1", port: 1 });
    const given = opened(connect(board.url, quickly));
    await expectFailures(given.verbs(), GONE, timeoutMs);
    board.leadTo(server);
    await recovers(given);
    given.client.disconnect();
    await board.close();
  });

  it("outlives its store: a closed one rejects with store_closed, what was under way is answered", async () => {
    const { client, store, letters, verbs } = opened(connect(server.url));
    await recovers({ verbs });
    const claim = store.claim(claimOf("under way"));
    const push = letters.push(letterOf("under way"));
    await store.close?.();
    await letters.close?.();
    for (const [verb, call] of Object.entries(verbs())) {
      await expect(call(), verb).rejects.toMatchObject({ code: "store_closed", retryable: false });
    }
    expect(await claim).toMatchObject({ status: "claimed" });
    await push;
    expect(await client.ping()).toBe("PONG");
  });
});

describe.skipIf(redisServer() === undefined)("replies that get lost", () => {
  it("make nobody a stranger to his own claim, and each operation completes once", async () => {
    const server = await startRedis();
    const proxy = await startProxy(server);
    const client = connect(proxy.url(), { retryStrategy: () => 1 });
    const store = redisStore(client, { prefix: newPrefix(), timeoutMs: 2_000 });
    await store.stats();
    proxy.behave({ dropReplies: 0.3 });

    /** Sends it again and again, as the engine does, until there is an answer. */
    async function resent<Answer>(call: () => Promise<Answer>): Promise<Answer> {
      for (;;) {
        try {
          return await call();
        } catch (error) {
          expect(error).toMatchObject({ retryable: true });
          await setTimeout(1);
        }
      }
    }
    const operations = 300;
    let next = 0;
    async function work(): Promise<void> {
      for (let n = next++; n < operations; n = next++) {
        const request = claimOf(`k${n}`);
        const claim = await resent(() => store.claim(request));
        expect(claim).toMatchObject({ status: "claimed", token: 1, attempt: 1, recovered: false });
        const held = { id: request.id, owner: request.owner, token: 1 };
        expect(await resent(() => store.complete(completionOf(held, Buffer.from(`${n}`))))).toBe(true);
      }
    }
    await Promise.all(Array.from({ length: 20 }, work));
    proxy.behave("pass");
    expect(proxy.counts.droppedReplies).toBeGreaterThan(20);
    expect(await resent(() => store.stats())).toMatchObject({ completed: operations, running: 0 });
    for (const n of [0, 150, 299]) {
      const { result } = (await store.get({ scope: "s", key: `k${n}` })) ?? {};
      expect(Buffer.from(result ?? []).toString()).toBe(`${n}`);
    }
    client.disconnect();
    await proxy.close();
    await server.stop();
  });
});
