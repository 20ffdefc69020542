/** Replicas: what `waitForReplicas` does not let pass as done, what a fail-over loses without it, and that clients follow the master. */
import { type Held, HooklatchError } from "@hooklatch/core";
import { redisServer, startSentinels } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";
import { connect, tended } from "./support/clients.js";
import { follow, type Replicated, startReplicated } from "./support/replicated.js";
import { claimOf, completionOf, holding, letterOf } from "./support/requests.js";
import { newPrefix } from "./support/spaces.js";
import { openSwitchboard } from "./support/switchboard.js";

const waitForReplicas = { count: 1, timeoutMs: 150 };
const unconfirmed = { code: "store_not_replicated", retryable: true };
const error = { name: "Error", message: "it failed" };

describe.skipIf(redisServer() === undefined)("waitForReplicas, while the replica has nothing new", () => {
  let pair: Replicated;
  beforeAll(async () => {
    pair = await startReplicated();
  });
  afterAll(() => pair.stop());
  beforeEach(() => pair.between.behave("pass"));

  const hold = () => pair.between.behave("halfOpen");
  const release = () => pair.between.behave("pass");
  /** Under load the replica may be late without a fault. */
  const confirmed = <Answer>(call: () => Promise<Answer>): Promise<Answer> =>
    vi.waitFor(call, { timeout: 10_000, interval: 10 });

  function opened() {
    const prefix = newPrefix();
    const client = connect(pair.master.url);
    const store = redisStore(client, { prefix, waitForReplicas });
    const letters = redisDeadLetters(client, { prefix, waitForReplicas });
    return { prefix, client, store, letters };
  }
  async function held(store: ReturnType<typeof opened>["store"], key: string): Promise<Held> {
    const request = claimOf(key);
    return confirmed(() => holding(store, request));
  }

  it("a claim is refused, resent by its owner too, and is his once the replica has it", async () => {
    const { store } = opened();
    await held(store, "first");
    const request = claimOf("k");
    hold();
    for (let n = 0; n < 2; n++) await expect(store.claim(request)).rejects.toMatchObject(unconfirmed);
    release();
    expect(await confirmed(() => store.claim(request))).toMatchObject({ status: "claimed", token: 1 });
  });

  it("a stopped replica confirms nothing either", async () => {
    const { store } = opened();
    await held(store, "first");
    pair.replica.pause();
    const request = claimOf("k");
    await expect(store.claim(request)).rejects.toMatchObject(unconfirmed);
    pair.replica.resume();
    expect(await confirmed(() => store.claim(request))).toMatchObject({ status: "claimed", token: 1 });
  });

  it("a completion is refused, resent on another connection too", async () => {
    const { store, client, prefix } = opened();
    const completion = completionOf(await held(store, "k"), Buffer.from("result"));
    hold();
    await expect(store.complete(completion)).rejects.toMatchObject(unconfirmed);
    const killed = connect(pair.master.url);
    await killed.client("KILL", "ID", await client.client("ID"));
    await expect(confirmedOrCode(() => store.complete(completion))).resolves.toBe("store_not_replicated");
    const other = redisStore(connect(pair.master.url), { prefix, waitForReplicas });
    await expect(other.complete(completion)).rejects.toMatchObject(unconfirmed);
    release();
    expect(await confirmed(() => store.complete(completion))).toBe(true);
    expect(await store.get(completion.id)).toMatchObject({ state: "completed" });
  });

  it("no verb that moves an operation is confirmed", async () => {
    const { store } = opened();
    const extend = await held(store, "extend");
    const counted = await held(store, "counted");
    const retry = await held(store, "retry");
    const fail = await held(store, "fail");
    const settle = await held(store, "settle");
    const schedule = await held(store, "schedule");
    const removed = await held(store, "delete");
    const unkept = claimOf("unkept", { event: undefined });
    const released = await confirmed(() => holding(store, unkept));
    const discard = await held(store, "discard");
    const outrank = await held(store, "outrank");
    const dead = [settle, schedule, discard, outrank];
    for (const one of dead) await confirmed(() => store.fail({ ...one, error, letter: true }));
    const version = async ({ id }: Held) => ({ id, token: 1, bornAt: (await store.get(id))?.bornAt ?? 0 });
    const settled = await version(settle);
    const discarded = await version(discard);
    const outranked = { ...(await version(outrank)), other: Date.now() + 1_000 };
    hold();
    const outcomes = await Promise.allSettled([
      store.extend({ ...counted, leaseMs: 60_000, attempt: 2 }),
      store.retry({ ...retry, delayMs: 0 }),
      store.fail({ ...fail, error, letter: true }),
      store.settle({ ...settled, letter: "pushed" }),
      store.discard(discarded),
      store.outrank(outranked),
      store.release({ ...released, retentionMs: 60_000 }),
      store.schedule({ id: schedule.id, replayId: "r", delayMs: 0 }),
      store.delete(removed.id),
    ]);
    expect(outcomes).toMatchObject(outcomes.map(() => ({ reason: unconfirmed })));
    // A refusal, a heartbeat, and what is only read, stand.
    expect(await store.extend({ ...extend, leaseMs: 60_000 })).toBe(true);
    expect(await store.extend({ ...extend, token: 9, leaseMs: 1 })).toBe(false);
    expect(await store.get(extend.id)).toMatchObject({ state: "running" });
  });

  it("a letter is not confirmed", async () => {
    const { letters } = opened();
    await confirmed(() => letters.push(letterOf("first")));
    hold();
    await expect(letters.push(letterOf("k"))).rejects.toMatchObject(unconfirmed);
    await expect(letters.remove("id of first")).rejects.toMatchObject(unconfirmed);
    release();
    await confirmed(() => letters.push(letterOf("k")));
  });

  it("a letter that is pushed again is not confirmed either", async () => {
    const { letters } = opened();
    await confirmed(() => letters.push(letterOf("first")));
    hold();
    await expect(letters.push(letterOf("k"))).rejects.toMatchObject(unconfirmed);
    await expect(letters.push(letterOf("k"))).rejects.toMatchObject(unconfirmed);
  });

  it("a letter that is removed again is not confirmed to be gone either", async () => {
    const { letters } = opened();
    await confirmed(() => letters.push(letterOf("k")));
    hold();
    await expect(letters.remove("id of k")).rejects.toMatchObject(unconfirmed);
    await expect(letters.remove("id of k")).rejects.toMatchObject(unconfirmed);
  });

  it("work is not handed out", async () => {
    const { store } = opened();
    const due = await held(store, "k");
    await confirmed(() => store.retry({ ...due, delayMs: 0 }));
    hold();
    const poll = store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 1 });
    await expect(poll).rejects.toMatchObject(unconfirmed);
  });

  // The engine answers 202 to such a duplicate, because the event is kept: and then a fail-over loses it.
  it("a duplicate is not told that the event is kept", async () => {
    const { store } = opened();
    await held(store, "first");
    hold();
    await expect(store.claim(claimOf("k"))).rejects.toMatchObject(unconfirmed);
    await expect(store.claim(claimOf("k"))).rejects.toMatchObject(unconfirmed);
  });
});

async function confirmedOrCode(call: () => Promise<unknown>): Promise<unknown> {
  // A connection that has just been killed is unavailable for a moment.
  return vi.waitFor(
    async () => {
      try {
        return await call();
      } catch (failure) {
        if (HooklatchError.is(failure, "store_not_replicated")) return failure.code;
        throw failure;
      }
    },
    { timeout: 10_000, interval: 10 },
  );
}

describe.skipIf(redisServer() === undefined)("a fail-over to a replica that has not got a claim", () => {
  /** Claims while nothing is replicated; then the master dies, and the replica takes its place. */
  async function claimBeforeFailover(wait: typeof waitForReplicas | undefined) {
    const { master, replica, between, stop } = await startReplicated();
    const prefix = newPrefix();
    const before = redisStore(connect(master.url), { prefix, waitForReplicas: wait });
    const replicated = claimOf("replicated");
    const held = await vi.waitFor(() => holding(before, replicated), { timeout: 10_000, interval: 10 });
    const promoted = connect(replica.url);
    await vi.waitFor(async () => expect(await promoted.dbsize()).toBeGreaterThan(4));
    between.behave("halfOpen");
    const [first, counted] = await Promise.allSettled([
      before.claim(claimOf("k")),
      before.extend({ ...held, leaseMs: 60_000, attempt: 2 }),
    ]);
    await master.kill();
    between.behave("refuse");
    await follow(replica, "nobody");
    const after = redisStore(promoted, { prefix });
    const second = await after.claim(claimOf("k"));
    const kept = await after.claim(claimOf("replicated"));
    const attempt = (await after.get(held.id))?.attempt;
    await stop();
    return { first, second, kept, counted, attempt };
  }

  it.concurrent("loses it and the attempts counted since, and the next delivery runs again", async () => {
    const { first, second, kept, counted, attempt } = await claimBeforeFailover(undefined);
    expect(first).toMatchObject({ status: "fulfilled", value: { status: "claimed", token: 1 } });
    expect(second).toMatchObject({ status: "claimed", token: 1, recovered: false });
    expect(kept).toMatchObject({ status: "running" });
    // The second attempt has started, and nobody knows.
    expect([counted, attempt]).toEqual([{ status: "fulfilled", value: true }, 1]);
  });

  it.concurrent("with waitForReplicas nobody was told that it was his, or that his next attempt may start", async () => {
    const { first, second, counted } = await claimBeforeFailover(waitForReplicas);
    expect(counted).toMatchObject({ status: "rejected", reason: unconfirmed });
    expect(first).toMatchObject({ status: "rejected", reason: unconfirmed });
    expect(second).toMatchObject({ status: "claimed", token: 1 });
  });
});

describe.skipIf(redisServer() === undefined)("a client", () => {
  it("that knows the sentinels follows the master by itself", async () => {
    const group = await startSentinels();
    onTestFinished(() => group.stop());
    const client = tended(
      new Redis({
        sentinels: group.sentinels,
        name: group.name,
        sentinelRetryStrategy: () => 50,
        retryStrategy: () => 50,
      }),
    );
    const prefix = newPrefix();
    const store = redisStore(client, { prefix, timeoutMs: 500 });
    const letters = redisDeadLetters(client, { prefix, timeoutMs: 500 });
    const done = { claims: 0, failures: new Set<string>() };
    let stopped = false;
    async function load(name: string): Promise<void> {
      for (let n = 0; !stopped; n++) {
        try {
          const held = await holding(store, claimOf(`${name}:${n}`));
          expect(await store.complete(completionOf(held))).toBe(true);
          await letters.push(letterOf(`${name}:${n}`));
          done.claims++;
        } catch (failure) {
          if (!HooklatchError.is(failure)) throw failure;
          expect(failure.retryable).toBe(true);
          done.failures.add(failure.code);
        }
      }
    }
    const loads = ["a", "b", "c"].map(load);
    await vi.waitFor(() => expect(done.claims).toBeGreaterThan(20));
    await group.master.kill();
    const promoted = connect(group.replicas[0]?.url);
    await vi.waitFor(async () => expect(await promoted.info("replication")).toContain("role:master"), {
      timeout: 20_000,
    });
    const before = done.claims;
    await vi.waitFor(() => expect(done.claims).toBeGreaterThan(before + 50), { timeout: 20_000 });
    stopped = true;
    await Promise.all(loads);
    expect(await promoted.dbsize()).toBeGreaterThan(50);
    client.disconnect();
  });

  describe("whose address leads to a server that has become a replica", () => {
    let pair: Replicated;
    beforeEach(async () => {
      pair = await startReplicated();
      return () => pair.stop();
    });

    /** The two change places, and only later does the address lead to the new master. */
    async function exchange(uses: (store: ReturnType<typeof redisStore>) => Promise<unknown>): Promise<void> {
      const { master, replica } = pair;
      const board = await openSwitchboard(master);
      const client = connect(board.url, { retryStrategy: () => 20 });
      const store = redisStore(client, { prefix: newPrefix(), timeoutMs: 500 });
      const due = await holding(store, claimOf("due"));
      await store.retry({ ...due, delayMs: 0 });
      // The layout, the record, its event, its place and the counts.
      const replicated = connect(replica.url);
      await vi.waitFor(async () => expect(await replicated.dbsize()).toBe(5));
      await follow(replica, "nobody");
      await follow(master, replica);
      try {
        // Time enough to reconnect, once more to the replica.
        for (let n = 0; n < 3; n++) {
          await expect(uses(store)).rejects.toMatchObject({ code: "store_unavailable", retryable: true });
        }
        board.leadTo(replica);
        await vi.waitFor(() => uses(store), { timeout: 3_000, interval: 50 });
      } finally {
        client.disconnect();
        await board.close();
      }
    }

    it("takes operations again once it leads to the master", () =>
      exchange((store) => store.claim(claimOf("k"))));

    it("hands out due work again once it leads to the master", () =>
      exchange((store) => store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 1 })));
  });
});
