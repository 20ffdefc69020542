/** The numbered rules of DESIGN.md §3, one by one. Those about a store alone are cases of the store contract. */
import { type IdempotencyOptions, memoryStore, NonRetryableError, withIdempotency } from "@hooklatch/core";
import { afterEach, describe, expect, test } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { type Fault, faultyStore, noFaults } from "./support/faults.js";

interface Order {
  id: string;
}
const open: { close(options?: { drainMs?: number }): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((handler) => handler.close({ drainMs: 0 })));
});

function guarded<Output>(
  handler: Parameters<typeof withIdempotency<Order, Output>>[0],
  options: Partial<IdempotencyOptions<Order>> & Pick<IdempotencyOptions<Order>, "store">,
) {
  const call = withIdempotency<Order, Output>(handler, {
    scope: "orders",
    key: (order) => order.id,
    leaseMs: 300,
    storeTimeoutMs: 100,
    retry: { initialDelayMs: 1 },
    worker: { pollMs: 10 },
    ...options,
  });
  open.push(call);
  return call;
}
const id = { scope: "orders", key: "o-1" };
const order: Order = { id: "o-1" };

describe("rule 1: one transition is one store operation", () => {
  test("a new operation is claim and complete, a duplicate is a claim", async () => {
    const store = faultyStore(memoryStore(), noFaults);
    const call = guarded(() => "done", { store, worker: false });
    await call(order);
    expect(store.calls.map((c) => c.verb)).toEqual(["claim", "complete"]);
    await call(order);
    expect(store.calls.map((c) => c.verb)).toEqual(["claim", "complete", "claim"]);
  });
});

describe("rule 2: every command may be sent twice", () => {
  const failsOnce = () => {
    let runs = 0;
    return () => {
      if (++runs === 1) throw new Error("the first attempt fails");
      return `run ${runs}`;
    };
  };

  test.each<[string, Fault]>([
    ["claim", "lost-reply"],
    ["claim", "lost-request"],
    ["extend", "lost-reply"],
    ["extend", "lost-request"],
    ["complete", "lost-reply"],
    ["complete", "lost-request"],
  ])("%s: %s once changes nothing for the caller", async (verb, fault) => {
    const store = faultyStore(memoryStore(), (v, nth) => (v === verb && nth === 0 ? fault : undefined));
    const call = guarded(failsOnce(), { store, worker: false });
    expect(await call(order)).toEqual({
      status: "completed",
      kept: true,
      value: "run 2",
      replayed: false,
      attempts: 2,
    });
    expect(await call(order)).toMatchObject({ status: "completed", value: "run 2", replayed: true });
  });

  test.each<[string, Fault]>([
    ["retry", "lost-reply"],
    ["retry", "lost-request"],
  ])("%s: %s once, and the worker still runs each attempt once", async (verb, fault) => {
    const inner = memoryStore();
    const store = faultyStore(inner, (v, nth) => (v === verb && nth === 0 ? fault : undefined));
    const starts: number[] = [];
    const call = guarded(
      (_order, context) => {
        starts.push(context.attempt);
        if (context.attempt === 1) throw new Error("the first attempt fails");
        return "done";
      },
      { store, respondWithinMs: 0, retry: { initialDelayMs: 20, jitter: "none" } },
    );
    expect(await call(order)).toMatchObject({ status: "accepted" });
    await eventually(async () => (await inner.get(id))?.state === "completed", "the completion");
    expect(starts).toEqual([1, 2]);
    // On a busy machine the worker can be done before the resend leaves.
    await eventually(() => store.calls.filter((c) => c.verb === verb).length === 2, "the resend");
  });

  test.each(["lost", "never comes"])(
    "claimDue: its answer is %s, and the work is handed out again, not left to its lease",
    async (fate) => {
      const inner = memoryStore();
      await inner.claim({ ...claimBy("crashed"), leaseMs: 1 });
      let unheard = 0;
      const store = Object.assign(Object.create(inner) as typeof inner, {
        async claimDue(r: Parameters<typeof inner.claimDue>[0]) {
          const work = await inner.claimDue(r);
          if (work.length === 0 || unheard++ > 0) return work;
          if (fate === "lost") throw new Error("the reply was lost");
          return new Promise<typeof work>(() => {});
        },
      });
      const starts: number[] = [];
      guarded((_order, context) => void starts.push(context.attempt), {
        store,
        leaseMs: 60_000,
        storeTimeoutMs: 50,
      }).start();
      await eventually(async () => (await inner.get(id))?.state === "completed", "the completion");
      expect(starts).toEqual([2]);
      expect(unheard).toBe(2);
    },
  );

  test("`false` after a resend is an unknown outcome: never run again, never a result of one's own", async () => {
    const inner = memoryStore();
    const store = faultyStore(inner, (verb, nth) => {
      if (verb !== "complete") return undefined;
      // Between the lost reply and the resend an operator forgets the operation.
      if (nth === 1) void inner.delete(id);
      return nth === 0 ? "lost-reply" : undefined;
    });
    let runs = 0;
    const call = guarded(() => ++runs, { store, worker: false });
    expect(await call(order)).toMatchObject({ status: "lost" });
    expect(runs).toBe(1);
  });
});

describe("rule 3: a run that lost its lease", () => {
  /** Heartbeats and their store are fine, but this owner's never arrive: as if its process was paused. */
  const silent = (inner: ReturnType<typeof memoryStore>) =>
    faultyStore(inner, (verb) => (verb === "extend" ? "lost-request" : undefined));

  test("is told by its signal before the store lets somebody else in", async () => {
    const inner = memoryStore();
    const aborted = gate<number>();
    const startedAt = performance.now();
    const call = guarded(
      async (_order, { signal }) => {
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
        aborted.open(performance.now() - startedAt);
        return "late";
      },
      { store: silent(inner), worker: false, leaseMs: 1_200 },
    );
    const outcome = call(order);
    expect(await aborted.promise).toBeLessThan(1_200);
    expect((await inner.get(id))?.state).toBe("running");
    // Nobody took over, so it may still complete.
    expect(await outcome).toMatchObject({ status: "completed", value: "late", replayed: false });
  });

  test("answers with its successor's result, and never with its own", async () => {
    const inner = memoryStore();
    const release = gate();
    const slow = guarded(
      async () => {
        await release.promise;
        return "the loser's";
      },
      { store: silent(inner), worker: false },
    );
    const loser = slow(order);
    const fast = guarded(() => "the winner's", { store: inner });
    fast.start();
    await eventually(async () => (await inner.get(id))?.state === "completed", "the successor");
    release.open();
    expect(await loser).toMatchObject({ status: "completed", value: "the winner's", replayed: true });
  });

  test("whose successor has not ended says `lost`", async () => {
    const inner = memoryStore();
    const release = gate();
    const slow = guarded(
      async () => {
        await release.promise;
        return "the loser's";
      },
      { store: silent(inner), worker: false },
    );
    const loser = slow(order);
    await eventually(
      async () => (await inner.claim({ ...claimBy("successor"), leaseMs: 60_000 })).status === "claimed",
    );
    release.open();
    expect(await loser).toMatchObject({ status: "lost" });
    expect((await inner.get(id))?.state).toBe("running");
  });

  test("ends at once when a heartbeat is refused, even if its handler does not listen", async () => {
    const inner = memoryStore();
    let takenOver = false;
    // Heartbeats are lost, and arrive again when it is too late.
    const store = faultyStore(inner, (verb) =>
      verb === "extend" && !takenOver ? "lost-request" : undefined,
    );
    const forever = gate();
    const call = guarded(() => forever.promise, { store, worker: false });
    const loser = call(order);
    await eventually(
      async () => (await inner.claim({ ...claimBy("successor"), leaseMs: 60_000 })).status === "claimed",
    );
    takenOver = true;
    expect(await loser).toMatchObject({ status: "lost" });
  });
});

describe("rule 3, between two attempts", () => {
  test("a run that was taken over starts no further attempt", async () => {
    const store = memoryStore();
    const runs: number[] = [];
    const call = guarded(
      async (_order, { attempt }) => {
        runs.push(attempt);
        // An operator takes the operation over while this attempt fails.
        await store.schedule({ id, replayId: "operator", delayMs: 60_000, force: true });
        throw new Error("no");
      },
      { store, worker: false },
    );
    expect(await call(order)).toMatchObject({ status: "lost" });
    expect(runs).toEqual([1]);
  });

  test("no attempt starts that the store has not recorded", async () => {
    const inner = memoryStore();
    const store = faultyStore(inner, (verb) => (verb === "extend" ? "lost-request" : undefined));
    const runs: number[] = [];
    const call = guarded(
      (_order, { attempt }) => {
        runs.push(attempt);
        throw new Error("no");
      },
      { store, worker: false },
    );
    expect(await call(order)).toMatchObject({ status: "accepted" });
    expect(runs).toEqual([1]);
    expect(await inner.get(id)).toMatchObject({ state: "waiting", attempt: 1 });
  });

  test("an attempt is recorded before it starts, so that a crash in it counts", async () => {
    const store = memoryStore();
    const recorded: (number | undefined)[] = [];
    const call = guarded(
      async (_order, { attempt }) => {
        recorded.push((await store.get(id))?.attempt);
        if (attempt < 3) throw new Error("no");
      },
      { store, worker: false },
    );
    await call(order);
    expect(recorded).toEqual([1, 2, 3]);
  });
});

describe("rule 5: an event that is kept", () => {
  test("and whose claim got no answer becomes waiting, due now, without losing an attempt", async () => {
    const inner = memoryStore();
    const store = faultyStore(inner, (verb, nth) =>
      verb === "claim" && nth === 0 ? "hang-after" : undefined,
    );
    const attempts: number[] = [];
    const call = guarded((_order, context) => void attempts.push(context.attempt), {
      store,
      retry: false,
      leaseMs: 60_000,
    });
    await expect(call(order)).rejects.toMatchObject({ code: "store_timeout", retryable: true });
    expect(attempts).toEqual([]);
    await eventually(async () => (await inner.get(id))?.state === "completed", "the handed-back operation");
    expect(attempts).toEqual([1]);
  });

  test("above maxRunning goes straight to waiting, and its attempt is not counted", async () => {
    const store = memoryStore();
    const release = gate();
    const attempts: number[] = [];
    const call = guarded(
      async ({ id: key }, context) => {
        if (key === "o-1") await release.promise;
        else attempts.push(context.attempt);
      },
      { store, maxRunning: 1, retry: false },
    );
    const first = call(order);
    await eventually(async () => (await store.get(id))?.state === "running");
    expect(await call({ id: "o-2" })).toMatchObject({ status: "accepted" });
    expect(attempts).toEqual([]);
    release.open();
    expect(await first).toMatchObject({ status: "completed" });
    await eventually(async () => (await store.get({ scope: "orders", key: "o-2" }))?.state === "completed");
    expect(attempts).toEqual([1]);
  });
});

test("rule 6: an attempt above maxAttempts is not started", async () => {
  const store = memoryStore();
  for (let crash = 0; crash < 2; crash++) {
    await eventually(
      async () => (await store.claim({ ...claimBy(`crash ${crash}`), leaseMs: 20 })).status === "claimed",
    );
  }
  let runs = 0;
  const call = guarded(() => ++runs, { store, retry: { maxAttempts: 2 } });
  call.start();
  const record = await eventually(async () => {
    const found = await store.get(id);
    return found?.state === "dead" && found;
  }, "the death");
  expect(record.error?.code).toBe("attempts_exhausted_by_crash");
  expect(runs).toBe(0);
});

describe("rule 7: a completion that gets no answer is not a failed attempt", () => {
  test("it is resent, and found done", async () => {
    const store = faultyStore(memoryStore(), (verb, nth) =>
      verb === "complete" && nth < 3 ? "lost-request" : undefined,
    );
    let runs = 0;
    const call = guarded(() => ++runs, { store, worker: false });
    expect(await call(order)).toMatchObject({ status: "completed", value: 1, attempts: 1 });
    expect(runs).toBe(1);
  });

  test.each<Fault>(["lost-request", "hang"])(
    "until the lease is over; then the event is kept (%s)",
    async (fault) => {
      const inner = memoryStore();
      const store = faultyStore(inner, (verb) => (verb === "complete" ? fault : undefined));
      let runs = 0;
      const call = guarded(() => ++runs, { store, worker: false });
      expect(await call(order)).toMatchObject({ status: "accepted" });
      expect(runs).toBe(1);
      expect(store.calls.filter((c) => c.verb === "complete").length).toBeGreaterThan(1);
      expect(await inner.get(id)).toMatchObject({ state: "running", attempt: 1 });
      expect((await inner.get(id))?.event).toBeDefined();
    },
  );
});

describe("rule 9: no failure takes others with it", () => {
  test("an event that cannot be decoded dies alone in its batch", async () => {
    const store = memoryStore();
    const bad = {
      ...claimBy("x"),
      id: { scope: "orders", key: "bad" },
      event: new Uint8Array([0xff]),
      leaseMs: 1,
    };
    await store.claim(bad);
    await store.claim({ ...claimBy("y"), leaseMs: 1 });
    const call = guarded(() => "done", { store });
    call.start();
    await eventually(async () => (await store.get(id))?.state === "completed");
    const dead = await eventually(
      async () => (await store.get(bad.id))?.state === "dead" && store.get(bad.id),
    );
    expect(dead?.error?.message).toBe("The stored event cannot be decoded.");
  });

  test("a listener that throws or rejects harms nothing", async () => {
    const bad = () => {
      throw new Error("listener");
    };
    const call = guarded(() => "done", {
      store: memoryStore(),
      on: { claimed: bad, completed: async () => bad(), replayed: bad },
    });
    expect(await call(order)).toMatchObject({ status: "completed" });
    expect(await call(order)).toMatchObject({ replayed: true });
  });

  test("store errors in the background reach `on.storeError`", async () => {
    const errors: string[] = [];
    const store = faultyStore(memoryStore(), (verb) => (verb === "claimDue" ? "lost-request" : undefined));
    const call = guarded(() => "done", { store, on: { storeError: (e) => void errors.push(e.operation) } });
    call.start();
    await eventually(() => errors.includes("claimDue"));
  });
});

describe("rule 10: the handler sees what was stored", () => {
  test("in a first run as in a recovered one", async () => {
    const seen: unknown[] = [];
    const store = memoryStore();
    const call = withIdempotency(
      (input: { id: string; at: unknown; gone?: undefined }, context) => {
        seen.push(input);
        if (context.attempt === 1) throw new Error("again");
      },
      {
        store,
        scope: "dates",
        key: (i) => i.id,
        respondWithinMs: 0,
        retry: { initialDelayMs: 1 },
        worker: { pollMs: 5 },
      },
    );
    open.push(call);
    await call({ id: "d", at: new Date(0), gone: undefined });
    await eventually(() => seen.length === 2);
    expect(seen[0]).toEqual({ id: "d", at: "1970-01-01T00:00:00.000Z" });
    expect(seen[1]).toEqual(seen[0]);
  });

  test("a handler that changes its input changes no later attempt", async () => {
    const seen: string[] = [];
    const call = guarded(
      (input) => {
        seen.push(input.id);
        input.id = "changed";
        if (seen.length < 3) throw new Error("again");
      },
      { store: memoryStore() },
    );
    await call(order);
    expect(seen).toEqual(["o-1", "o-1", "o-1"]);
  });
});

describe("attempts", () => {
  test("stop after the fourth, with every error and time in the record", async () => {
    const store = memoryStore();
    const delays: number[] = [];
    const call = guarded(
      (_o, { attempt }) => {
        throw new Error(`attempt ${attempt}`);
      },
      {
        store,
        retry: { initialDelayMs: 1, jitter: "none" },
        on: { retried: (e) => void delays.push(e.delayMs) },
      },
    );
    expect(await call(order)).toMatchObject({
      status: "dead",
      error: { message: "attempt 4" },
      replayed: false,
    });
    expect(delays).toEqual([1, 2, 4]);
    const record = await store.get(id);
    expect(record?.attempts.map((a) => [a.attempt, a.error?.message])).toEqual(
      [1, 2, 3, 4].map((n) => [n, `attempt ${n}`]),
    );
    for (const a of record?.attempts ?? []) expect(a.startedAt).toBeGreaterThan(1_700_000_000_000);
  });

  test("end at once with a NonRetryableError", async () => {
    let runs = 0;
    const call = guarded(
      () => {
        runs++;
        throw new NonRetryableError("never");
      },
      { store: memoryStore() },
    );
    expect(await call(order)).toMatchObject({ status: "dead", error: { name: "NonRetryableError" } });
    expect(runs).toBe(1);
  });

  test("end when retryIf says no", async () => {
    let runs = 0;
    const call = guarded(() => Promise.reject(new Error(`failure ${++runs}`)), {
      store: memoryStore(),
      retry: {
        initialDelayMs: 1,
        retryIf: (error, attempt) => attempt < 2 && (error as Error).message === "failure 1",
      },
    });
    expect(await call(order)).toMatchObject({ status: "dead", error: { message: "failure 2" } });
  });

  test("end at maxRunMs, and a late result is ignored", async () => {
    const store = memoryStore();
    const late = gate<string>();
    let aborted: unknown;
    const call = guarded(
      (_o, { attempt, signal }) => {
        signal.addEventListener("abort", () => {
          aborted = signal.reason;
        });
        return attempt === 1 ? late.promise : "second";
      },
      { store, maxRunMs: 30 },
    );
    expect(await call(order)).toMatchObject({ status: "completed", value: "second", attempts: 2 });
    expect(aborted).toMatchObject({ code: "max_run_exceeded" });
    late.open("first");
    await new Promise((resolve) => setImmediate(resolve));
    expect(await call(order)).toMatchObject({ value: "second", replayed: true });
  });

  test("of a handler that throws a string, or nothing, are told apart from success", async () => {
    const call = guarded(
      ({ id: key }) => {
        throw key === "o-1" ? "a string" : undefined;
      },
      { store: memoryStore(), retry: false },
    );
    expect(await call(order)).toMatchObject({
      status: "dead",
      error: { name: "NonError", message: "a string" },
    });
    expect(await call({ id: "o-2" })).toMatchObject({ status: "dead", error: { message: "undefined" } });
  });
});

function claimBy(owner: string) {
  const event = new TextEncoder().encode(JSON.stringify(order));
  return { id, owner, leaseMs: 300, event, redelivery: "rerun" as const, redeliveryAfterMs: 60_000 };
}

describe("rule 3, after a late lease", () => {
  test("a later attempt that the store has recorded is not aborted beforehand", async () => {
    let down = true;
    const store = faultyStore(memoryStore(), (verb) =>
      verb === "extend" && down ? "lost-request" : undefined,
    );
    const abortedAtStart: boolean[] = [];
    const call = guarded(
      async (_order, { attempt, signal }) => {
        abortedAtStart.push(signal.aborted);
        if (attempt > 1) return "done";
        await new Promise<void>((resolve) =>
          signal.addEventListener("abort", () => resolve(), { once: true }),
        );
        down = false;
        throw new Error("aborted, as the signal asked");
      },
      { store, worker: false },
    );
    expect(await call(order)).toMatchObject({ status: "completed", value: "done", attempts: 2 });
    expect(abortedAtStart).toEqual([false, false]);
  });
});

test("a store that fails at once keeps no loop busy while a completion is resent", async () => {
  const store = faultyStore(memoryStore(), (verb) => (verb === "complete" ? "lost-request" : undefined));
  let turns = 0;
  const turning = setInterval(() => turns++, 5);
  const call = guarded(() => "done", { store, worker: false, storeTimeoutMs: 5 });
  expect(await call(order)).toMatchObject({ status: "accepted" });
  clearInterval(turning);
  expect(turns).toBeGreaterThan(5);
  expect(store.calls.filter((c) => c.verb === "complete").length).toBeLessThan(200);
});
