/** Guarded routes that take too long, and guards that close. */
import { createGuard, type IdempotencyStore, memoryStore } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { faultyStore, noFaults } from "./support/faults.js";
import { guarding, ok } from "./support/guarding.js";
import { expectProblem, text } from "./support/receiving.js";

describe("maxRunMs", () => {
  const short = { leaseMs: 120, maxRunMs: 60 };

  test("heartbeats stop, and the key is free one lease later", async () => {
    const store = faultyStore(memoryStore(), noFaults);
    const guard = guarding({ store, ...short });
    const from = performance.now();
    const late = await guard.run("k");
    const next = await eventually(async () => {
      const admission = await guard.ask("k");
      return admission.kind === "run" && admission.run;
    });
    expect(performance.now() - from).toBeGreaterThanOrEqual(short.leaseMs - 5);
    expect(guard.heard).toContainEqual({
      name: "claimed",
      event: expect.objectContaining({ token: 2, recovered: true }),
    });
    await next.finish(ok("the next one's"));
    const instead = await late.finish(ok("late"));
    expect(instead && text(instead)).toBe("the next one's");
  });

  test("a late response that nobody took over is kept", async () => {
    const guard = guarding(short);
    const run = await guard.run("k");
    await eventually(() => guard.names().includes("leaseLost"));
    expect(await run.finish(ok("late"))).toBeUndefined();
    expect(text(await guard.answer("k"))).toBe("late");
  });

  test("heartbeats go on until then", async () => {
    const guard = guarding({ leaseMs: 60, maxRunMs: 60_000 });
    const run = await guard.run("k");
    const from = performance.now();
    while (performance.now() - from < 240) {
      expect((await guard.answer("k")).status).toBe(409);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await run.finish(ok())).toBeUndefined();
  });

  test("a stream is completed instead, whether it began before or after", async () => {
    const guard = guarding(short);
    const early = await guard.run("early");
    early.streams(200);
    const late = await guard.run("late");
    await eventually(async () => (await guard.state("early")) === "completed");
    await eventually(() => guard.names().includes("leaseLost"));
    late.streams(200);
    await eventually(async () => (await guard.state("late")) === "completed");
    for (const [key, run] of [
      ["early", early],
      ["late", late],
    ] as const) {
      expect((await guard.answer(key)).status).toBe(409);
      expect(await run.finishUnkept(200)).toBe(true);
    }
  });

  test("a route that never answers is not remembered: close() does not wait for it", async () => {
    const guard = guarding(short);
    await guard.run("k");
    await eventually(() => guard.names().includes("leaseLost"));
    const from = performance.now();
    await guard.close({ drainMs: 20_000 });
    expect(performance.now() - from).toBeLessThan(5_000);
  });
});

describe("a route that never answers, whose claim is lost before maxRunMs", () => {
  test.each([
    ["to another owner", "lost"],
    ["because the store is away", "away"],
  ])("%s: it is not remembered, and its heartbeats end", async (_, how) => {
    const inner = memoryStore();
    let extensions = 0;
    const store: IdempotencyStore = Object.assign(Object.create(inner), {
      extend: async (request: Parameters<IdempotencyStore["extend"]>[0]) => {
        extensions++;
        if (how === "away") throw new Error("away");
        return inner.extend(request);
      },
    });
    const guard = guarding({ store, leaseMs: 90, maxRunMs: 300 });
    await guard.run("k");
    if (how === "lost") await inner.delete({ scope: "orders", key: "k" });
    await eventually(() => guard.names().includes("leaseLost"));
    // Until maxRunMs is over, it is what would end a run that is late.
    if (how === "away") await eventually(async () => extensions > 3);
    await new Promise((resolve) => setTimeout(resolve, how === "away" ? 400 : 0));
    const from = performance.now();
    await guard.close({ drainMs: 20_000 });
    expect(performance.now() - from).toBeLessThan(5_000);
    const before = extensions;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(extensions).toBe(before);
    expect(guard.names().filter((name) => name === "leaseLost")).toHaveLength(1);
  });
});

describe("close()", () => {
  test("waits for running routes; new requests are refused; then the scope is free", async () => {
    const store = memoryStore();
    const guard = guarding({ store });
    const run = await guard.run("k");
    let isClosed = false;
    const closed = guard.close().then(() => (isClosed = true));
    for (const key of ["k", "new"])
      expectProblem(await guard.answer(key), {
        status: 503,
        code: "closed",
        retryable: true,
        retryAfter: true,
      });
    expect(isClosed).toBe(false);
    expect(await run.finish(ok())).toBeUndefined();
    await closed;
    expect(await store.get({ scope: "orders", key: "new" })).toBeUndefined();
    const next = createGuard({ store, scope: "orders", tenant: false });
    await next.close();
  });

  test("after drainMs it leaves the lease to run out, so that nobody overlaps the route", async () => {
    const guard = guarding({ leaseMs: 100 });
    const run = await guard.run("k");
    await guard.close({ drainMs: 20 });
    expect(await guard.state("k")).toBe("running");
    const next = guarding({ store: guard.store });
    expect((await next.answer("k")).status).toBe(409);
    const taken = await eventually(async () => {
      const admission = await next.ask("k");
      return admission.kind === "run" && admission.run;
    });
    await taken.finish(ok("the next process's"));
    const instead = await run.finish(ok("late"));
    expect(instead && text(instead)).toBe("the next process's");
  });

  test("a claim that it overtook is handed back before it resolves", async () => {
    const reached = gate();
    const hold = gate();
    const inner = memoryStore();
    const claim: typeof inner.claim = async (r) => {
      reached.open();
      await hold.promise;
      return inner.claim(r);
    };
    const guard = guarding({ store: { ...inner, claim } });
    const answer = guard.answer("k");
    await reached.promise;
    let isClosed = false;
    const closed = guard.close().then(() => (isClosed = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    hold.open();
    await closed;
    expect((await answer).status).toBe(503);
    expect((await inner.get({ scope: "orders", key: "k" }))?.state).toBe("released");
  });

  test("those who wait for a running request are answered at once", async () => {
    const guard = guarding({ whenRunning: "wait" });
    const run = await guard.run("k");
    const waiting = guard.answer("k");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const closed = guard.close();
    expect([409, 503]).toContain((await waiting).status);
    await run.finish(ok());
    await closed;
  });

  test("twice is once", async () => {
    const guard = guarding();
    expect(guard.close()).toBe(guard.close());
    await guard.close();
  });
});

test("no timer is left: neither by upkeep, nor by routes that have ended", async () => {
  const timers = vi.spyOn(globalThis, "setInterval");
  const cleared = vi.spyOn(globalThis, "clearInterval");
  const guard = guarding({ leaseMs: 300 });
  expect(timers).not.toHaveBeenCalled();
  for (const key of ["a", "b"]) await (await guard.run(key)).finish(ok());
  expect(timers).toHaveBeenCalled();
  const left = () => {
    const stopped = new Set(cleared.mock.calls.map(([timer]) => timer));
    return timers.mock.results.filter(({ value }) => !stopped.has(value));
  };
  // It looks once more, and finds nothing to do.
  await eventually(() => left().length === 0, "the timer to stop");
  vi.restoreAllMocks();
});

test("upkeep: purges what has expired, beside a request, not more than every half minute", async () => {
  const store = faultyStore(memoryStore(), noFaults);
  const guard = guarding({ store });
  for (let n = 0; n < 50; n++) await (await guard.run(`k-${n}`)).finish(ok());
  expect(store.calls.filter(({ verb }) => verb === "purge")).toHaveLength(1);
});
