/** Guarded routes over a store that fails, and claims that are lost. */
import { HooklatchError, memoryStore } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { type Fault, faultyStore } from "./support/faults.js";
import { guarding, ok } from "./support/guarding.js";
import { expectProblem, text } from "./support/receiving.js";

const LEASE_MS = 300;
const quick = { leaseMs: LEASE_MS, storeTimeoutMs: 60 };

describe("the claim gets no answer", () => {
  test.each<[Fault, string]>([
    ["lost-request", "store_unavailable"],
    ["lost-reply", "store_unavailable"],
    ["hang", "store_timeout"],
    ["hang-after", "store_timeout"],
  ])("%s: 503, and a retry runs long before a lease has run out", async (fault, code) => {
    const leaseMs = 60_000;
    let down = true;
    const store = faultyStore(memoryStore(), (verb) => (verb === "claim" && down ? fault : undefined));
    const guard = guarding({ store, leaseMs, storeTimeoutMs: 60 });
    expectProblem(await guard.answer("k"), { status: 503, code, retryable: true, retryAfter: true });
    expect(guard.heard).toMatchObject([
      { name: "storeError", event: { operation: "claim" } },
      { name: "rejected", event: { status: 503, code } },
    ]);
    down = false;
    // Handed back, or never arrived.
    const run = await eventually(async () => {
      const admission = await guard.ask("k");
      return admission.kind === "run" && admission.run;
    });
    expect(await run.finish(ok())).toBeUndefined();
    expect(text(await guard.answer("k"))).toBe("made");
  });

  test("a store that says that it is closed: 503, and nothing is tried again", async () => {
    const store = memoryStore();
    await store.close?.();
    const guard = guarding({ store });
    expect((await guard.answer("k")).status).toBe(503);
    await guard.close();
  });
});

describe("the completion gets no answer", () => {
  test.each<Fault>(["lost-request", "hang"])(
    "%s: resent with heartbeats on, until one lease is over; then 503 outcome_unknown",
    async (fault) => {
      const store = faultyStore(memoryStore(), (verb) => (verb === "complete" ? fault : undefined));
      const guard = guarding({ store, ...quick });
      const run = await guard.run("k");
      const from = performance.now();
      const instead = await run.finish(ok());
      expect(performance.now() - from).toBeGreaterThan(LEASE_MS * 0.6);
      if (instead === undefined) throw new Error("It must not be sent.");
      expectProblem(instead, { status: 503, code: "outcome_unknown", retryable: true, retryAfter: true });
      const verbs = store.calls.map(({ verb }) => verb);
      expect(verbs.filter((verb) => verb === "complete").length).toBeGreaterThan(1);
      expect(verbs.slice(verbs.indexOf("complete"))).toContain("extend");
      expect(guard.names()).toContain("storeError");
    },
  );

  test.each<Fault>(["lost-request", "lost-reply", "hang", "hang-after"])(
    "%s, twice: the response is sent",
    async (fault) => {
      const store = faultyStore(memoryStore(), (verb, nth) =>
        verb === "complete" && nth < 2 ? fault : undefined,
      );
      const guard = guarding({ store, ...quick });
      const run = await guard.run("k");
      expect(await run.finish(ok())).toBeUndefined();
      expect(guard.names().filter((name) => name === "completed")).toHaveLength(1);
      expect(text(await guard.answer("k"))).toBe("made");
    },
  );

  test("of a stream: it may not end", async () => {
    const store = faultyStore(memoryStore(), (verb) => (verb === "complete" ? "lost-request" : undefined));
    const run = await guarding({ store, ...quick }).run("k");
    run.streams(200);
    expect(await run.finishUnkept(200)).toBe(false);
  });

  test("the release gets no answer: the route's own response is sent, the lease runs out by itself", async () => {
    const store = faultyStore(memoryStore(), (verb) => (verb === "release" ? "lost-request" : undefined));
    const guard = guarding({ store, ...quick });
    expect(await (await guard.run("k")).finish(ok("busy", 500))).toBeUndefined();
    expect(guard.heard.at(-1)).toMatchObject({ name: "storeError", event: { operation: "release" } });
    expect(await eventually(async () => (await guard.ask("k")).kind === "run")).toBe(true);
  });
});

describe("the claim is lost", () => {
  /** A guard whose heartbeats never arrive, and one in another process that takes over when the lease is over. */
  async function takenOver() {
    const inner = memoryStore();
    const store = faultyStore(inner, (verb) => (verb === "extend" ? "lost-request" : undefined));
    const guard = guarding({ store, ...quick });
    const late = await guard.run("k");
    // Another object for the same records: one scope of one store object has one guard.
    const other = guarding({ store: { ...inner }, leaseMs: 60_000 });
    const winner = await eventually(async () => {
      const admission = await other.ask("k");
      return admission.kind === "run" && admission.run;
    });
    return { guard, late, other, winner };
  }

  test("and the winner has ended: its response, not one's own", async () => {
    const { guard, late, other, winner } = await takenOver();
    expect(other.heard[0]).toMatchObject({ name: "claimed", event: { token: 2, recovered: true } });
    await winner.finish(ok("the winner's"));
    const instead = await late.finish(ok("late"));
    expect(instead && [instead.status, text(instead)]).toEqual([201, "the winner's"]);
    expect(instead?.headers["idempotent-replayed"]).toBe("true");
    expect(guard.names()).toContain("leaseLost");
    expect(guard.names()).not.toContain("completed");
  });

  test("and the winner still runs: 503 claim_lost", async () => {
    const { late, winner, other } = await takenOver();
    const instead = await late.finish(ok("late"));
    if (instead === undefined) throw new Error("It must not be sent.");
    expectProblem(instead, { status: 503, code: "claim_lost", retryable: true, retryAfter: true });
    await winner.finish(ok("the winner's"));
    expect(text(await other.answer("k"))).toBe("the winner's");
  });

  test("and the winner's was not kept: 409", async () => {
    const { late, winner } = await takenOver();
    await winner.finishUnkept(200);
    const instead = await late.finish(ok("late"));
    expect(instead?.status).toBe(409);
  });

  test("a failure, a stream, an error: none of them changes the winner's record", async () => {
    for (const end of ["finish", "finishUnkept", "abandon"] as const) {
      const { late, winner, other } = await takenOver();
      if (end === "finish") expect((await late.finish(ok("busy", 500)))?.status).toBe(503);
      if (end === "finishUnkept") expect(await late.finishUnkept(200)).toBe(false);
      if (end === "abandon") await late.abandon();
      expect((await other.answer("k")).status).toBe(409);
      await winner.finish(ok("the winner's"));
      expect(text(await other.answer("k"))).toBe("the winner's");
    }
  });

  test("nobody took over: a late response is stored", async () => {
    const store = faultyStore(memoryStore(), (verb) => (verb === "extend" ? "lost-request" : undefined));
    const guard = guarding({ store, ...quick });
    const run = await guard.run("k");
    await eventually(() => guard.names().includes("leaseLost"));
    expect(await run.finish(ok("late"))).toBeUndefined();
    expect(text(await guard.answer("k"))).toBe("late");
  });
});

test("a store error that nobody knows is a 503 for the claim, and never reaches the client", async () => {
  const store = {
    ...memoryStore(),
    claim: () => Promise.reject(new HooklatchError("schema_newer", "secret")),
  };
  const answer = await guarding({ store }).answer("k");
  expect([answer.status, text(answer).includes("secret")]).toEqual([500, false]);
});

test("close() during the store's write: it waits for it", async () => {
  const reached = gate();
  const hold = gate();
  const inner = memoryStore();
  const complete: typeof inner.complete = async (r) => {
    reached.open();
    await hold.promise;
    return inner.complete(r);
  };
  const guard = guarding({ store: { ...inner, complete } });
  const run = await guard.run("k");
  const finished = run.finish(ok());
  await reached.promise;
  let isClosed = false;
  const closed = guard.close().then(() => (isClosed = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isClosed).toBe(false);
  hold.open();
  expect(await finished).toBeUndefined();
  await closed;
});
