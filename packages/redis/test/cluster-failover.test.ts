/** A Cluster that changes under load: fail-overs, a slot that moves, a master that is gone. No answer is wrong, and everything ends completed. */
import { setTimeout } from "node:timers/promises";
import { HooklatchError, type IdempotencyStore, withIdempotency } from "@hooklatch/core";
import { type RedisCluster, redisServer, startCluster } from "@hooklatch/servers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { redisStore } from "../src/index.js";
import { namesOf } from "../src/names.js";
import { connect, connectCluster } from "./support/clients.js";
import { claimOf, completionOf, holding } from "./support/requests.js";
import { migrateSlot } from "./support/slot-migration.js";
import { newPrefix } from "./support/spaces.js";
import { openSwitchboard } from "./support/switchboard.js";

/** Again until it is answered, as the engine and senders do. */
async function resent<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!HooklatchError.is(error) || !error.retryable || tries > 2_000) throw error;
      await setTimeout(5);
    }
  }
}

describe.skipIf(redisServer() === undefined)("a Cluster with replicas", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster({ masters: 3, replicasPerMaster: 1 });
  });
  afterAll(() => cluster.stop());

  it("waits for the replicas of each master", async () => {
    const store = redisStore(connectCluster(cluster.nodes), {
      prefix: newPrefix(),
      waitForReplicas: { count: 1, timeoutMs: 1_000 },
    });
    await Promise.all(
      Array.from({ length: 32 }, async (_, n) => {
        const request = claimOf(`k${n}`);
        const held = await resent(() => holding(store, request));
        expect(await resent(() => store.complete(completionOf(held)))).toBe(true);
      }),
    );
    expect(await store.stats()).toMatchObject({ completed: 32 });
    const impatient = redisStore(connectCluster(cluster.nodes), {
      prefix: newPrefix(),
      waitForReplicas: { count: 2, timeoutMs: 50 },
    });
    await expect(impatient.claim(claimOf("k"))).rejects.toMatchObject({ code: "store_not_replicated" });
  });

  it('does not ask replicas, which may be behind: scaleReads: "slave"', async () => {
    // A Cluster names a replica once it has got something.
    const client = await vi.waitFor(
      async () => {
        const fresh = connectCluster(cluster.nodes, { scaleReads: "slave" });
        await fresh.ping();
        if (fresh.slots.some((nodes) => nodes.length === 2)) return fresh;
        fresh.disconnect();
        throw new Error("no replica is known");
      },
      { timeout: 20_000, interval: 100 },
    );
    for (const replica of cluster.replicas) replica.pause();
    try {
      const store = redisStore(client, { prefix: newPrefix(), timeoutMs: 1_000 });
      expect(await store.claim(claimOf("k"))).toMatchObject({ status: "claimed" });
    } finally {
      for (const replica of cluster.replicas) replica.resume();
    }
  });

  it("under load, while each replica takes over in turn: every operation completes, every handler runs once", async () => {
    const prefix = newPrefix();
    const runs = new Map<string, number>();
    const apps = [1, 2].map(() =>
      withIdempotency(
        async ({ key }: { key: string }) => {
          runs.set(key, (runs.get(key) ?? 0) + 1);
          await setTimeout(1);
          return key;
        },
        {
          store: redisStore(connectCluster(cluster.nodes), { prefix, timeoutMs: 1_000 }),
          scope: "failover",
          key: ({ key }) => key,
          storeTimeoutMs: 2_000,
          worker: { pollMs: 50 },
        },
      ),
    );
    let delivered = 0;
    let stopped = false;
    /** Every event is delivered to both apps, until one says that it is done. */
    async function deliver(key: string): Promise<void> {
      const outcomes = apps.map(async (app) => {
        for (;;) {
          const outcome = await resent(() => app({ key }));
          if (outcome.status === "completed") return outcome;
          expect(["accepted", "running", "lost"]).toContain(outcome.status);
          await setTimeout(10);
        }
      });
      for (const outcome of await Promise.all(outcomes))
        expect(outcome).toMatchObject({ kept: true, value: key });
    }
    const load = Array.from({ length: 20 }, async () => {
      while (!stopped) await deliver(`event ${delivered++}`);
    });

    for (const replica of cluster.replicas) {
      const client = connect(replica.url);
      const before = delivered;
      await client.cluster("FAILOVER");
      await vi.waitFor(
        async () => {
          expect(await client.info("replication")).toContain("role:master");
          expect(delivered).toBeGreaterThan(before + 60);
        },
        { timeout: 20_000, interval: 20 },
      );
    }
    stopped = true;
    await Promise.all(load);
    await Promise.all(apps.map((app) => app.close()));
    expect(runs.size).toBe(delivered);
    expect([...runs].filter(([, times]) => times !== 1)).toEqual([]);
    const store = redisStore(connectCluster(cluster.nodes), { prefix });
    expect(await store.stats()).toMatchObject({ completed: delivered, running: 0, waiting: 0, dead: 0 });
  });
});

describe.skipIf(redisServer() === undefined)("a Cluster of which a slot moves", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster.stop());

  it("works from the first call on once it has moved", async () => {
    const prefix = newPrefix();
    const store = redisStore(connectCluster(cluster.nodes), { prefix });
    const held = await Promise.all(Array.from({ length: 32 }, (_, n) => holding(store, claimOf(`k${n}`))));
    const { slot } = namesOf(prefix, 16).partitions[3] ?? { slot: 0 };
    const [from, to] = await ends(cluster, slot);
    expect(await migrateSlot(slot, from, to, cluster.masters, async () => {})).toBeGreaterThan(1);
    for (const one of held) expect(await store.retry({ ...one, delayMs: 0 })).toBe(true);
    expect(await store.stats()).toMatchObject({ waiting: 32 });
  });

  /** Due work in all partitions, and a worker that does nothing but poll; what it gets while a slot moves, and after it has. */
  async function workWhileMoving() {
    const prefix = newPrefix();
    const { partitions, operation } = namesOf(prefix, 16);
    const store = redisStore(connectCluster(cluster.nodes), { prefix });
    const requests = Array.from({ length: 64 }, (_, n) => claimOf(`k${n}`));
    await Promise.all(
      requests.map(async (request) => store.retry({ ...(await holding(store, request)), delayMs: 0 })),
    );
    const worker = redisStore(connectCluster(cluster.nodes), { prefix });
    const poll = async (owner: string) => {
      const work = await worker.claimDue({ scopes: ["s"], owner, leaseMs: 60_000, limit: 100 });
      return work.map(({ id }) => id.key);
    };
    await worker.stats();
    const moving = partitions[4] ?? { slot: 0 };
    const [from, to] = await ends(cluster, moving.slot);
    let meanwhile: string[] | undefined;
    await migrateSlot(moving.slot, from, to, cluster.masters, async () => {
      meanwhile ??= await poll("meanwhile");
    });
    const isMoving = ({ id }: (typeof requests)[number]) => operation(id).partition === moving;
    const keysOf = (some: typeof requests) => some.map(({ id }) => id.key).sort();
    return {
      worker,
      poll,
      meanwhile,
      moved: keysOf(requests.filter(isMoving)),
      others: keysOf(requests.filter((request) => !isMoving(request))),
    };
  }

  it("hands out the work of the other partitions meanwhile", async () => {
    const { meanwhile, others } = await workWhileMoving();
    expect(meanwhile?.sort()).toEqual(others);
  });

  it("hands out its work to one who only polls, once it has moved, and counts it", async () => {
    const { worker, poll, moved } = await workWhileMoving();
    expect(await worker.stats()).toMatchObject({ running: 64 - moved.length, waiting: moved.length });
    const afterwards = await Promise.all(["a", "b", "c"].map(poll));
    expect(afterwards.flat().sort()).toEqual(moved);
  });

  it("under deliveries and workers loses no event, and runs each once", async () => {
    const prefix = newPrefix();
    // All in one slot.
    const [partition] = namesOf(prefix, 1).partitions;
    const slot = partition?.slot ?? 0;
    const stores = [1, 2].map(() => redisStore(connectCluster(cluster.nodes), { prefix, partitions: 1 }));
    const [store, other] = stores as [IdempotencyStore, IdempotencyStore];
    const runs = new Map<string, number>();
    const wrong: string[] = [];
    async function run(key: string, owner: string, token: number): Promise<void> {
      runs.set(key, (runs.get(key) ?? 0) + 1);
      const held = { id: { scope: "s", key }, owner, token };
      const completed = await resent(() => other.complete(completionOf(held, Buffer.from(key))));
      if (!completed) wrong.push(`complete of ${key}`);
    }
    async function deliver(key: string): Promise<void> {
      const request = claimOf(key);
      const claim = await resent(() => store.claim(request));
      if (claim.status !== "claimed") wrong.push(`claim of ${key}: ${claim.status}`);
      else await run(key, request.owner, claim.token);
    }
    let stopped = false;
    let polls = 0;
    async function poll(worker: IdempotencyStore): Promise<void> {
      while (!stopped) {
        const owner = `worker ${++polls}`;
        const due = { scopes: ["s"], owner, leaseMs: 60_000, limit: 3 };
        for (const work of await resent(() => worker.claimDue(due))) {
          if (work.kind !== "run") wrong.push(work.kind);
          else if (Buffer.from(work.event).toString() !== `event of ${work.id.key}`) wrong.push("event");
          else await run(work.id.key, owner, work.token);
        }
        await setTimeout(5);
      }
    }
    const waiting = Array.from({ length: 60 }, (_, n) => `waiting ${n}`);
    for (const key of waiting) {
      // So late that workers meet them while the slot moves.
      await store.retry({ ...(await holding(store, claimOf(key))), delayMs: 50 + 5 * waiting.indexOf(key) });
    }
    const workers = stores.map(poll);

    const [from, to] = await ends(cluster, slot);
    const deliveries: Promise<void>[] = [];
    let delivered = 0;
    await migrateSlot(slot, from, to, cluster.masters, async () => {
      if (delivered < 100) deliveries.push(deliver(`delivered ${delivered++}`));
      await setTimeout(1);
    });
    await Promise.all(deliveries);
    await vi.waitFor(() => expect(runs.size).toBe(waiting.length + delivered), { timeout: 5_000 });
    stopped = true;
    await Promise.all(workers);
    expect(wrong).toEqual([]);
    expect([...runs].filter(([, times]) => times !== 1)).toEqual([]);
    expect(await store.stats()).toMatchObject({ completed: runs.size, running: 0, waiting: 0 });
  });
});

/** The master that has the slot, and another one. */
async function ends({ masters }: RedisCluster, slot: number) {
  const [first] = masters;
  const slots = await connect(first?.url).cluster("SLOTS");
  const owner = slots.find(([least, most]) => slot >= least && slot <= most)?.[2]?.[1];
  const from = masters.find(({ port }) => port === owner);
  const to = masters.find(({ port }) => port !== owner);
  if (from === undefined || to === undefined) throw new Error("no such masters");
  return [from, to] as const;
}

describe.skipIf(redisServer() === undefined)("a Cluster of which one master is out of reach", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster({ masters: 3, replicasPerMaster: 1 });
  });
  afterAll(() => cluster.stop());

  /** A key of a partition that the n-th master has. */
  function keyOn(prefix: string, master: number, from: number): string {
    const names = namesOf(prefix, 16);
    for (let n = from; ; n++) {
      const { slot } = names.operation({ scope: "s", key: `k${n}` }).partition;
      if (Math.floor((slot * 3) / 16_384) === master) return `k${n}`;
    }
  }

  async function reached(load: boolean): Promise<void> {
    const boards = await Promise.all(cluster.masters.map(openSwitchboard));
    const natMap = Object.fromEntries(
      cluster.masters.map(({ host, port }, n) => [`${host}:${port}`, boards[n] ?? { host, port }]),
    );
    const client = connectCluster(
      boards.map(({ host, port }) => ({ host, port })),
      { natMap, redisOptions: { disconnectTimeout: 300 } },
    );
    const prefix = newPrefix();
    const store = redisStore(client, { prefix, timeoutMs: 400 });
    await vi.waitFor(() => store.stats(), { timeout: 10_000 });
    boards[0]?.silence();
    let stopped = false;
    const others = (async () => {
      for (let n = 0; load && !stopped; n += 100) {
        await resent(() => store.claim(claimOf(keyOn(prefix, 1, n))));
        await setTimeout(20);
      }
    })();
    try {
      await vi.waitFor(() => store.claim(claimOf(keyOn(prefix, 0, 0))), { timeout: 6_000, interval: 20 });
      expect(await store.claim(claimOf(keyOn(prefix, 2, 0)))).toMatchObject({ status: "claimed" });
    } finally {
      stopped = true;
      await others;
      client.disconnect();
      await Promise.all(boards.map((board) => board.close()));
    }
  }

  it("by a half-open connection: it is given up for a new one", () => reached(false));
  it("by a half-open connection, while the others answer: it is given up too", () => reached(true));

  it("because it is dead: the others go on, and its operations once its replica has taken over", async () => {
    const prefix = newPrefix();
    const store = redisStore(connectCluster(cluster.nodes), { prefix, timeoutMs: 1_000 });
    const held = await holding(store, claimOf(keyOn(prefix, 0, 0)));
    await setTimeout(0);
    await cluster.masters[0]?.kill();
    // Before the Cluster itself notices, after 2 s, and stops for a moment.
    for (let n = 0; n < 50; n++) {
      const master = 1 + (n % 2);
      expect(await store.claim(claimOf(keyOn(prefix, master, n * 100)))).toMatchObject({ status: "claimed" });
    }
    expect(await resent(() => store.complete(completionOf(held)))).toBe(true);
    expect(await resent(() => store.claim(claimOf(held.id.key)))).toMatchObject({ status: "completed" });
    await resent(() => store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1_000, limit: 1 }));
    expect(await resent(() => store.stats())).toMatchObject({ completed: 1 });
  });
});
