/** DESIGN.md §8, the rows about a store that fails, a claim that is lost, and shutting down. */
import { HooklatchError, type IdempotencyStore, memoryStore, respond } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { type Fault, faultyStore } from "./support/faults.js";
import {
  expectDuplicate,
  expectProblem,
  expectProcessing,
  json,
  receiving,
  request,
} from "./support/receiving.js";

const quick = { leaseMs: 300, storeTimeoutMs: 60 };

describe("row: store unreachable at the claim, or closing", () => {
  test.each<[Fault, string]>([
    ["lost-request", "store_unavailable"],
    ["lost-reply", "store_unavailable"],
    ["hang", "store_timeout"],
    ["hang-after", "store_timeout"],
  ])("%s: 503 with Retry-After within storeTimeoutMs, the handler not run", async (fault, code) => {
    const store = faultyStore(memoryStore(), (verb) => (verb === "claim" ? fault : undefined));
    const handler = vi.fn();
    const storeError = vi.fn();
    const receiver = receiving(handler, { store, worker: false, ...quick, on: { storeError } });
    const from = performance.now();
    const { detail } = expectProblem(await receiver.handle(request()), {
      status: 503,
      code,
      retryable: true,
      retryAfter: true,
    });
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(handler).not.toHaveBeenCalled();
    expect(detail).not.toContain("lost");
    expect(storeError).toHaveBeenCalledWith(expect.objectContaining({ scope: "hooks", operation: "claim" }));
  });

  test("a store that throws instead of rejecting is no different", async () => {
    const store: IdempotencyStore = {
      ...memoryStore(),
      claim() {
        throw new Error("not even a promise");
      },
    };
    const answer = await receiving(() => {}, { store, worker: false, ...quick }).handle(request());
    expectProblem(answer, { status: 503, code: "store_unavailable", retryable: true, retryAfter: true });
  });

  test.each([
    ["store_closed", false],
    ["store_not_durable", false],
    ["store_busy", true],
    ["store_not_replicated", true],
  ] as const)("a store that says %s: 503", async (code, retryable) => {
    const store: IdempotencyStore = {
      ...memoryStore(),
      claim: () => Promise.reject(new HooklatchError(code, "x", { retryable })),
    };
    const answer = await receiving(() => {}, { store, worker: false, ...quick }).handle(request());
    expectProblem(answer, { status: 503, code, retryable: true, retryAfter: true });
  });

  test("a store that was closed: 503", async () => {
    const store = memoryStore();
    await store.close?.();
    const answer = await receiving(() => {}, { store, worker: false }).handle(request());
    expectProblem(answer, { status: 503, code: "store_closed", retryable: true, retryAfter: true });
  });

  test("after close(): 503, and the running request is answered", async () => {
    const { promise, open } = gate();
    const handler = vi.fn(() => promise.then(() => "done"));
    const receiver = receiving(handler);
    const first = receiver.handle(request());
    await eventually(() => handler.mock.calls.length === 1);
    const closed = receiver.close();
    const answer = await receiver.handle(request({ body: "another" }));
    expectProblem(answer, { status: 503, code: "closed", retryable: true, retryAfter: true });
    open();
    expect(json(await first)).toBe("done");
    await closed;
    expectProblem(await receiver.handle(request()), {
      status: 503,
      code: "closed",
      retryable: true,
      retryAfter: true,
    });
    expect(handler).toHaveBeenCalledTimes(1);
  });
});

describe("row: handler done, completion not confirmed", () => {
  test.each<Fault>(["lost-request", "hang"])("%s: 202 (the event is kept)", async (fault) => {
    const store = faultyStore(memoryStore(), (verb) => (verb === "complete" ? fault : undefined));
    const receiver = receiving(() => "done", { store, worker: false, ...quick });
    expectProcessing(await receiver.handle(request()));
  });

  test.each<Fault>(["lost-reply", "hang-after"])(
    "%s of each: 202, and then the stored response",
    async (fault) => {
      const store = faultyStore(memoryStore(), (verb) => (verb === "complete" ? fault : undefined));
      const handler = vi.fn(() => "done");
      const receiver = receiving(handler, { store, worker: false, ...quick });
      expectProcessing(await receiver.handle(request()));
      expect(json(await receiver.handle(request()))).toBe("done");
      expect(handler).toHaveBeenCalledTimes(1);
    },
  );

  test.each<Fault>(["lost-request", "lost-reply", "hang"])(
    "%s of the first only: the handler's response",
    async (fault) => {
      const store = faultyStore(memoryStore(), (verb, nth) =>
        verb === "complete" && nth === 0 ? fault : undefined,
      );
      const handler = vi.fn(() => "done");
      const receiver = receiving(handler, { store, worker: false, ...quick });
      expect(json(await receiver.handle(request()))).toBe("done");
      expect(handler).toHaveBeenCalledTimes(1);
    },
  );
});

describe("row: this run lost its claim", () => {
  /** The first process loses its heartbeats; a second one, on the same data, takes the event over while the first one works. */
  async function takenOver(second: () => unknown) {
    let now = Date.now();
    const shared = memoryStore({ now: () => now });
    const first = gate();
    const handler = vi.fn(() => first.promise.then(() => respond(200, "of the first run")));
    const slow = receiving(handler, {
      store: faultyStore(shared, (verb) => (verb === "extend" ? "lost-request" : undefined)),
      worker: false,
      leaseMs: 60_000,
    });
    const answer = slow.handle(request());
    await eventually(() => handler.mock.calls.length === 1);
    now += 60_001;
    const successor = receiving(second, { store: faultyStore(shared, () => undefined), worker: false });
    const theirs = successor.handle(request());
    return { answer, theirs, finishFirst: () => first.open() };
  }

  test("the winner's stored response", async () => {
    const { answer, theirs, finishFirst } = await takenOver(() => respond(201, "of the second run"));
    expect((await theirs).status).toBe(201);
    finishFirst();
    const late = await answer;
    expect(late.status).toBe(201);
    expect(late.headers["idempotent-replayed"]).toBe("true");
    expect(late.body).toEqual((await theirs).body);
  });

  test("the winner returned nothing: duplicate", async () => {
    const { answer, theirs, finishFirst } = await takenOver(() => {});
    await theirs;
    finishFirst();
    expectDuplicate(await answer);
  });

  test("else 503 with Retry-After, never its own 2xx", async () => {
    const second = gate();
    const started = gate();
    const { answer, theirs, finishFirst } = await takenOver(() => {
      started.open();
      return second.promise;
    });
    await started.promise;
    finishFirst();
    expectProblem(await answer, { status: 503, code: "claim_lost", retryable: true, retryAfter: true });
    second.open();
    expect((await theirs).status).toBe(200);
  });
});

describe("errors before the claim that nobody expected", () => {
  test("a redact that throws: 500, nothing stored", async () => {
    const store = faultyStore(memoryStore(), () => undefined);
    const rejected = vi.fn();
    const redact = () => {
      throw new Error("secret detail");
    };
    const answer = await receiving(() => {}, { store, worker: false, redact, on: { rejected } }).handle(
      request(),
    );
    const { detail } = expectProblem(answer, { status: 500, code: "internal_error", retryable: true });
    expect(detail).not.toContain("secret");
    expect(store.calls).toEqual([]);
    expect(rejected).toHaveBeenCalledTimes(1);
  });

  test("a store that cannot read this version's data: 500 with its code", async () => {
    const store: IdempotencyStore = {
      ...memoryStore(),
      claim: () => Promise.reject(new HooklatchError("schema_newer", "x")),
    };
    const answer = await receiving(() => {}, { store, worker: false }).handle(request());
    expect(answer.status).toBe(500);
    expect(json(answer)).toMatchObject({ code: "schema_newer" });
  });
});
