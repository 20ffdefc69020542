/** DESIGN.md §3, "Shutdown", recovery by `start()`, the response window, and waiting for a running operation. */
import {
  type IdempotencyOptions,
  type IdempotencyStore,
  memoryStore,
  withIdempotency,
} from "@hooklatch/core";
import { afterEach, describe, expect, test } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { faultyStore, noFaults } from "./support/faults.js";

interface Job {
  id: string;
}
const open: { close(options?: { drainMs?: number }): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((handler) => handler.close({ drainMs: 0 })));
});
function worker<Output>(
  handler: Parameters<typeof withIdempotency<Job, Output>>[0],
  options: Partial<IdempotencyOptions<Job>> & Pick<IdempotencyOptions<Job>, "store">,
) {
  const call = withIdempotency<Job, Output>(handler, {
    scope: "jobs",
    key: (job) => job.id,
    leaseMs: 300,
    storeTimeoutMs: 100,
    retry: { initialDelayMs: 1 },
    worker: { pollMs: 5 },
    ...options,
  });
  open.push(call);
  return call;
}
const id = { scope: "jobs", key: "j-1" };
const job: Job = { id: "j-1" };
const event = new TextEncoder().encode(JSON.stringify(job));
const claim = { id, leaseMs: 50, event, redelivery: "rerun" as const, redeliveryAfterMs: 1 };

describe("shutdown", () => {
  test("refuses new calls, and lets running handlers end", async () => {
    const store = memoryStore();
    const release = gate();
    const call = worker(() => release.promise.then(() => "done"), { store });
    const running = call(job);
    await eventually(() => store.get(id));
    const closing = call.close();
    await expect(call({ id: "j-2" })).rejects.toMatchObject({ code: "closed", retryable: true });
    release.open();
    expect(await running).toMatchObject({ status: "completed", value: "done" });
    await closing;
    expect(await store.get({ scope: "jobs", key: "j-2" })).toBeUndefined();
  });

  test("after drainMs hands back what is between attempts: waiting for the rest of its delay", async () => {
    const store = memoryStore();
    const call = worker(() => Promise.reject(new Error("no")), {
      store,
      retry: { initialDelayMs: 9_000, jitter: "none" },
    });
    const running = call(job);
    await eventually(async () => (await store.get(id))?.state === "running");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await call.close({ drainMs: 1 });
    expect(await running).toMatchObject({ status: "accepted" });
    const record = await store.get(id);
    expect(record).toMatchObject({ state: "waiting", attempt: 1 });
    expect((record?.dueAt ?? 0) - Date.now()).toBeGreaterThan(5_000);
    expect(record?.attempts).toHaveLength(1);
  });

  test("a handler that still runs is aborted and keeps its lease until it runs out, so that nobody overlaps it", async () => {
    const store = faultyStore(memoryStore(), noFaults);
    const aborted = gate();
    const call = worker(
      (_job, { signal }) => {
        signal.addEventListener("abort", () => aborted.open());
        return new Promise(() => {});
      },
      { store },
    );
    const running = call(job);
    await eventually(() => store.get(id));
    const before = performance.now();
    await call.close({ drainMs: 20 });
    expect(performance.now() - before).toBeLessThan(250);
    await aborted.promise;
    expect(await running).toMatchObject({ status: "accepted" });
    expect((await store.get(id))?.state).toBe("running");
    const heartbeats = () => store.calls.filter((c) => c.verb === "extend").length;
    const then = heartbeats();
    await eventually(
      async () =>
        (await store.claimDue({ scopes: ["jobs"], owner: "next", leaseMs: 50, limit: 1 })).length === 1,
    );
    expect(heartbeats()).toBe(then);
  });

  test("what a claimDue on its way brings is handed back without losing an attempt", async () => {
    const inner = memoryStore();
    await inner.claim({ ...claim, owner: "crashed", leaseMs: 1 });
    const arrived = gate();
    const go = gate();
    const store = Object.assign(Object.create(inner), {
      async claimDue(r: Parameters<typeof inner.claimDue>[0]) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        arrived.open();
        await go.promise;
        return inner.claimDue(r);
      },
    });
    let runs = 0;
    const call = worker(() => ++runs, { store, storeTimeoutMs: 100 });
    call.start();
    await arrived.promise;
    const closing = call.close();
    go.open();
    await closing;
    expect(runs).toBe(0);
    expect(await inner.get(id)).toMatchObject({ state: "waiting", attempt: 1 });
  });

  test("a claim that is answered after the drain starts nothing, and is handed back without losing an attempt", async () => {
    const inner = memoryStore();
    const arrived = gate();
    const go = gate();
    const store = Object.assign(Object.create(inner) as typeof inner, {
      async claim(r: Parameters<typeof inner.claim>[0]) {
        arrived.open();
        await go.promise;
        return inner.claim(r);
      },
    });
    let runs = 0;
    const call = worker(() => ++runs, { store, leaseMs: 3_000, storeTimeoutMs: 1_000 });
    const outcome = call(job);
    await arrived.promise;
    await call.close({ drainMs: 0 });
    go.open();
    expect(await outcome).toMatchObject({ status: "accepted" });
    expect(runs).toBe(0);
    expect(await inner.get(id)).toMatchObject({ state: "waiting", attempt: 0 });
  });

  test("twice is once, and frees the scope", async () => {
    const store = memoryStore();
    const call = worker(() => "a", { store });
    await call(job);
    await Promise.all([call.close(), call.close()]);
    expect(await worker(() => "b", { store })(job)).toMatchObject({ value: "a", replayed: true });
  });
});

describe("recovery by start()", () => {
  test("a waiting operation whose worker never came back is run", async () => {
    const store = memoryStore();
    await store.claim({ ...claim, owner: "gone" });
    await store.retry({ id, owner: "gone", token: 1, delayMs: 5 });
    const seen: unknown[] = [];
    worker((input, { attempt }) => void seen.push([input, attempt]), { store }).start();
    await eventually(async () => (await store.get(id))?.state === "completed");
    expect(seen).toEqual([[job, 2]]);
  });

  test("an operation whose process died is run, and its attempts go on counting", async () => {
    const store = memoryStore();
    await store.claim({ ...claim, owner: "crashed" });
    const claimed: unknown[] = [];
    worker((_job, { attempt, token }) => [attempt, token], {
      store,
      on: { claimed: ({ recovered, attempt }) => void claimed.push({ recovered, attempt }) },
    }).start();
    await eventually(async () => (await store.get(id))?.state === "completed");
    expect(claimed).toEqual([{ recovered: true, attempt: 2 }]);
  });

  test("two handlers on one store each get the work of their scope", async () => {
    const store = memoryStore();
    for (const scope of ["jobs", "other"]) {
      await store.claim({ ...claim, id: { scope, key: "j-1" }, owner: `crashed ${scope}`, leaseMs: 1 });
    }
    const ran: string[] = [];
    const handler = (_job: Job, { scope }: { scope: string }) => void ran.push(scope);
    worker(handler, { store }).start();
    worker(handler, { store, scope: "other" }).start();
    await eventually(() => ran.length === 2);
    expect(ran.sort()).toEqual(["jobs", "other"]);
    expect(() => worker(handler, { store })).toThrow(expect.objectContaining({ code: "scope_in_use" }));
  });

  test("concurrency bounds what runs at once, and everything gets its turn", async () => {
    const store = memoryStore();
    for (let n = 0; n < 20; n++) {
      await store.claim({
        ...claim,
        id: { scope: "jobs", key: `j-${n}` },
        owner: `crashed ${n}`,
        leaseMs: 1,
      });
    }
    let running = 0;
    let most = 0;
    const call = worker(
      async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 3));
        running--;
      },
      { store, worker: { concurrency: 3, pollMs: 5 } },
    );
    call.start();
    await eventually(async () => (await store.stats()).completed === 20);
    expect(most).toBe(3);
  });

  test("operations that crashed more than once are tried one at a time, so that a poisonous one takes no others with it", async () => {
    const store = memoryStore();
    const crash = (n: number, round: number) =>
      store.claim({
        ...claim,
        id: { scope: "jobs", key: `j-${n}` },
        owner: `crash ${n} ${round}`,
        leaseMs: 1,
      });
    for (const round of [1, 2]) {
      for (let n = 0; n < 6; n++) await eventually(async () => (await crash(n, round)).status === "claimed");
    }
    let running = 0;
    let most = 0;
    const attempts: number[] = [];
    const call = worker(
      async (_job, { attempt }) => {
        attempts.push(attempt);
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        running--;
      },
      { store },
    );
    call.start();
    await eventually(async () => (await store.stats()).completed === 6);
    expect(most).toBe(1);
    expect(attempts).toEqual([3, 3, 3, 3, 3, 3]);
  });

  test("the others of a suspect's batch are back in the store before it runs: it may end the process", async () => {
    const memory = memoryStore();
    for (const round of [1, 2]) {
      for (let n = 0; n < 3; n++) {
        const crash = {
          ...claim,
          id: { scope: "jobs", key: `j-${n}` },
          owner: `crash ${n} ${round}`,
          leaseMs: 1,
        };
        await eventually(async () => (await memory.claim(crash)).status === "claimed");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    let handedBack = 0;
    const store: IdempotencyStore = {
      ...memory,
      async retry(request) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        handedBack++;
        return memory.retry(request);
      },
    };
    const backAtFirstStart = gate<number>();
    worker(() => backAtFirstStart.open(handedBack), { store }).start();
    expect(await backAtFirstStart.promise).toBe(2);
  });

  test("`worker: false` leaves it to another process", async () => {
    const store = memoryStore();
    await store.claim({ ...claim, owner: "crashed", leaseMs: 1 });
    worker(() => "never", { store, worker: false }).start();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect((await store.get(id))?.state).toBe("running");
  });

  test("expired results are purged while the worker runs", async () => {
    const store = memoryStore();
    const call = worker(() => "x", { store, retentionMs: 1, worker: { pollMs: 1 } });
    await call(job);
    await eventually(
      async () => (await store.purge?.({ limit: 1 })) === 0 && (await store.get(id)) === undefined,
    );
  });
});

describe("the response window", () => {
  test("`respondWithinMs: 0` is an inbox: accepted at once, done afterwards", async () => {
    const store = memoryStore();
    const release = gate();
    const call = worker(() => release.promise.then(() => 7), { store, respondWithinMs: 0 });
    expect(await call(job)).toMatchObject({ status: "accepted" });
    release.open();
    await eventually(async () => (await store.get(id))?.state === "completed");
    expect(await call(job)).toMatchObject({ status: "completed", value: 7, replayed: true });
  });

  test("a retry that does not fit is left to the store", async () => {
    const store = memoryStore();
    const call = worker(
      (_job, { attempt }) => {
        if (attempt === 1) throw new Error("no");
        return attempt;
      },
      { store, respondWithinMs: 50, retry: { initialDelayMs: 60, jitter: "none" } },
    );
    expect(await call(job)).toEqual({ status: "accepted", retryAfterMs: expect.closeTo(60, -2) });
    expect((await store.get(id))?.state).toBe("waiting");
    await eventually(async () => (await store.get(id))?.state === "completed");
  });

  test("a retry over ten seconds is left to the store, however large the window", async () => {
    const store = memoryStore();
    const call = worker(() => Promise.reject(new Error("no")), {
      store,
      retry: { initialDelayMs: 10_001, jitter: "none", maxDelayMs: 20_000 },
    });
    expect(await call(job)).toMatchObject({ status: "accepted" });
    expect((await store.get(id))?.state).toBe("waiting");
  });
});

describe("a duplicate of a running operation", () => {
  test("is told so, with how long to wait", async () => {
    const release = gate();
    const call = worker(() => release.promise, { store: memoryStore() });
    const first = call(job);
    const duplicates = await Promise.all([call(job), call(job)]);
    for (const duplicate of duplicates) {
      expect(duplicate).toMatchObject({ status: "running", stored: true });
      expect((duplicate as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0);
    }
    release.open();
    await first;
  });

  test("with `wait` gets its result, and one poller serves all who wait", async () => {
    const store = faultyStore(memoryStore(), noFaults);
    const release = gate();
    const call = worker(() => release.promise.then(() => "one"), { store, whenRunning: "wait" });
    const first = call(job);
    const waiting = Array.from({ length: 50 }, () => call(job));
    await new Promise((resolve) => setTimeout(resolve, 200));
    release.open();
    expect(await first).toMatchObject({ value: "one", replayed: false });
    for (const outcome of await Promise.all(waiting)) {
      expect(outcome).toMatchObject({ status: "completed", value: "one", replayed: true });
    }
    expect(store.calls.filter((c) => c.verb === "claim").length).toBeLessThan(51 + 10);
  });

  test("with `wait` is told that it runs after waitMs, or when the handler closes", async () => {
    const forever = gate();
    const call = worker(() => forever.promise, { store: memoryStore(), whenRunning: "wait", waitMs: 60 });
    void call(job);
    expect(await call(job)).toMatchObject({ status: "running" });
    const patient = worker(() => forever.promise, { store: memoryStore(), scope: "p", whenRunning: "wait" });
    void patient(job);
    const duplicate = patient(job);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const before = performance.now();
    await patient.close({ drainMs: 10 });
    expect(await duplicate).toMatchObject({ status: "running" });
    expect(performance.now() - before).toBeLessThan(1_000);
    forever.open();
  });

  test("with `wait` takes over when the first owner died", async () => {
    const store = memoryStore();
    await store.claim({ ...claim, owner: "crashed" });
    const call = worker(() => "recovered", { store, whenRunning: "wait", worker: false });
    expect(await call(job)).toMatchObject({ status: "completed", value: "recovered", attempts: 2 });
  });
});
