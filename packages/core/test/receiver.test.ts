/** DESIGN.md §8, column `withIdempotency`: each row of the table, by its name. */
import { memoryStore, RetryAfterError, respond } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "./support/eventually.js";
import { faultyStore, noFaults } from "./support/faults.js";
import {
  expectDuplicate,
  expectProblem,
  expectProcessing,
  json,
  keyed,
  receiving,
  request,
  text,
} from "./support/receiving.js";

const failing = () => {
  throw new Error("the handler fails");
};

describe("row: no key", () => {
  test("derived from the raw body: the same bytes are one event, others are not", async () => {
    const handler = vi.fn();
    const receiver = receiving(handler);
    expect(json(await receiver.handle(request({ body: '{"id":1}' })))).toEqual({ status: "ok" });
    expectDuplicate(
      await receiver.handle(request({ body: '{"id":1}', url: "/other", headers: { date: "x" } })),
    );
    expect(json(await receiver.handle(request({ body: '{"id": 1}' })))).toEqual({ status: "ok" });
    expect(handler).toHaveBeenCalledTimes(2);
  });

  test("a key from a header never names the event of a key that was derived", async () => {
    const handler = vi.fn((_: unknown, context: { key: string }) => void derivedKeys.push(context.key));
    const derivedKeys: string[] = [];
    await receiving(handler).handle(request({ body: "victim" }));
    const poisoned = receiving(handler, { scope: "poisoned" });
    await poisoned.handle(keyed(`"${derivedKeys[0]}"`, "attack"));
    const answer = await poisoned.handle(request({ body: "victim" }));
    expect(json(answer)).toEqual({ status: "ok" });
  });
});

describe("row: malformed, over-long or repeated key", () => {
  test.each<[string, string | string[]]>([
    ["malformed", '"a'],
    ["malformed", "a b"],
    ["empty", ""],
    ["over-long", "k".repeat(256)],
    ["repeated", ["a", "b"]],
    ["repeated", "a, a"],
  ])("400, %s: %j", async (_, key) => {
    const store = faultyStore(memoryStore(), noFaults);
    const handler = vi.fn();
    const receiver = receiving(handler, { store, worker: false });
    const answer = await receiver.handle(request({ headers: { "idempotency-key": key } }));
    expectProblem(answer, { status: 400, code: "invalid_key", retryable: false });
    expect(store.calls).toEqual([]);
    expect(handler).not.toHaveBeenCalled();
  });
});

describe("row: `verify` throws", () => {
  test.each([new Error("bad signature"), "text", undefined, null])(
    "401, nothing stored: %s",
    async (thrown) => {
      const store = faultyStore(memoryStore(), noFaults);
      const rejected = vi.fn();
      const verify = () => {
        throw thrown;
      };
      const receiver = receiving(failing, { store, worker: false, verify, on: { rejected } });
      const { detail } = expectProblem(await receiver.handle(request()), {
        status: 401,
        code: "verification_failed",
        retryable: false,
      });
      expect(detail).not.toContain("bad signature");
      expect(store.calls).toEqual([]);
      expect(rejected).toHaveBeenCalledWith({
        scope: "hooks",
        status: 401,
        code: "verification_failed",
        error: thrown,
      });
    },
  );

  test("401 when it rejects; it comes before the key is looked at", async () => {
    const key = vi.fn(() => "k");
    const receiver = receiving(failing, { key, verify: async () => failing() });
    expectProblem(await receiver.handle(request()), {
      status: 401,
      code: "verification_failed",
      retryable: false,
    });
    expect(key).not.toHaveBeenCalled();
  });

  test("503 with Retry-After for a RetryAfterError", async () => {
    const store = faultyStore(memoryStore(), noFaults);
    const verify = async () => {
      throw new RetryAfterError("the key server is down", 7_000);
    };
    const answer = await receiving(failing, { store, worker: false, verify }).handle(request());
    expectProblem(answer, { status: 503, code: "verify_unavailable", retryable: true, retryAfter: true });
    expect(answer.headers["retry-after"]).toBe("7");
    expect(store.calls).toEqual([]);
  });

  test("one that resolves lets the event in", async () => {
    const verify = vi.fn(async () => {});
    const answer = await receiving(() => {}, { verify }).handle(request());
    expect(answer.status).toBe(200);
    expect(verify).toHaveBeenCalledTimes(1);
  });
});

describe("row: first delivery, handler done in time", () => {
  test.each<[string, unknown, number, string | undefined, string]>([
    ["nothing", undefined, 200, "application/json", '{"status":"ok"}'],
    ["a plain value", { made: 1 }, 200, "application/json", '{"made":1}'],
    ["null", null, 200, "application/json", "null"],
    ["a text", "x", 200, "application/json", '"x"'],
    ["respond with JSON", respond(201, { a: 1 }), 201, "application/json", '{"a":1}'],
    ["respond with a text", respond(202, "later"), 202, "text/plain; charset=utf-8", "later"],
    ["respond without a body", respond(204), 204, undefined, ""],
    ["respond with 404", respond(404, "no"), 404, "text/plain; charset=utf-8", "no"],
  ])("the handler's response: %s", async (_, returned, status, type, body) => {
    const receiver = receiving(async () => returned);
    const answer = await receiver.handle(request());
    expect(answer.status).toBe(status);
    expect(answer.headers["content-type"]).toBe(type);
    expect(answer.headers).not.toHaveProperty("idempotent-replayed");
    expect(text(answer)).toBe(body);
  });
});

describe("row: not done within `respondWithinMs`, or the next attempt is scheduled", () => {
  test.each([0, 20])(
    "202 with Retry-After after %d ms, then the stored response",
    async (respondWithinMs) => {
      const { promise, open } = gate();
      const receiver = receiving(() => promise.then(() => ({ done: true })), { respondWithinMs });
      expectProcessing(await receiver.handle(request()));
      open();
      const answer = await eventually(async () => {
        const again = await receiver.handle(request());
        return again.status === 200 && again;
      });
      expect(json(answer)).toEqual({ done: true });
      expect(answer.headers["idempotent-replayed"]).toBe("true");
    },
  );

  test("the time counts from when the request came in", async () => {
    const { promise } = gate();
    const receiver = receiving(() => promise, { respondWithinMs: 60_000 });
    expectProcessing(await receiver.handle(request(), { arrivedAt: performance.now() - 60_000 }));
  });

  test("the work that goes on is given to the host's waitUntil", async () => {
    const { promise, open } = gate();
    const waitUntil = vi.fn();
    const receiver = receiving(() => promise, { respondWithinMs: 0 });
    expectProcessing(await receiver.handle(request(), { waitUntil }));
    expect(waitUntil).toHaveBeenCalledTimes(1);
    open();
    await waitUntil.mock.calls[0]?.[0];
    expectDuplicate(await receiver.handle(request()));
  });

  test("202 when the next attempt does not fit: a worker makes it", async () => {
    let runs = 0;
    const receiver = receiving(() => (++runs === 1 ? failing() : { run: runs }), {
      respondWithinMs: 20,
      retry: { initialDelayMs: 40, jitter: "none" },
    });
    expectProcessing(await receiver.handle(request()));
    await eventually(() => runs === 2);
    const answer = await eventually(async () => {
      const again = await receiver.handle(request());
      return again.status === 200 && again;
    });
    expect(json(answer)).toEqual({ run: 2 });
  });
});

describe("row: duplicate, completed", () => {
  test("the stored response, marked", async () => {
    const handler = vi.fn(() => respond(201, { id: 7 }, { location: "/orders/7" }));
    const receiver = receiving(handler);
    const first = await receiver.handle(request());
    const second = await receiver.handle(request());
    expect(second.status).toBe(201);
    expect(second.body).toEqual(first.body);
    expect(second.headers).toEqual({ ...first.headers, "idempotent-replayed": "true" });
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test('a handler that returned nothing: 200 {"status":"duplicate"}', async () => {
    const receiver = receiving(() => {});
    await receiver.handle(request());
    expectDuplicate(await receiver.handle(request()));
  });
});

describe("row: duplicate, completed, result not kept", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;

  test.each<[string, unknown]>([
    ["circular", circular],
    ["a BigInt", { n: 1n }],
    ["a function", () => 1],
  ])(
    'a result that cannot be encoded (%s) is 200 {"status":"ok"}, then duplicate, and never runs again',
    async (_, returned) => {
      const handler = vi.fn(() => returned);
      const resultNotKept = vi.fn();
      const receiver = receiving(handler, { on: { resultNotKept } });
      const first = await receiver.handle(request());
      expect(first.status).toBe(200);
      expect(json(first)).toEqual({ status: "ok" });
      expectDuplicate(await receiver.handle(request()));
      expect(handler).toHaveBeenCalledTimes(1);
      expect(resultNotKept).toHaveBeenCalledTimes(1);
    },
  );

  test("a result over maxResultBytes is answered, then duplicate, and never runs again", async () => {
    const handler = vi.fn(() => respond(201, "x".repeat(2_000)));
    const receiver = receiving(handler, { maxResultBytes: 1_000 });
    const first = await receiver.handle(request());
    expect(first.status).toBe(201);
    expect(text(first)).toBe("x".repeat(2_000));
    expectDuplicate(await receiver.handle(request()));
    expect(handler).toHaveBeenCalledTimes(1);
  });
});

describe("row: duplicate while running or waiting", () => {
  test("running: 202 with Retry-After", async () => {
    const { promise, open } = gate();
    const receiver = receiving(() => promise);
    const first = receiver.handle(request());
    expectProcessing(await receiver.handle(request()));
    open();
    expect((await first).status).toBe(200);
  });

  test("waiting: 202 with Retry-After, and no attempt of its own", async () => {
    const handler = vi.fn(failing);
    const receiver = receiving(handler, { retry: { initialDelayMs: 30_000, jitter: "none" } });
    expectProcessing(await receiver.handle(request()));
    const answer = await receiver.handle(request());
    expectProcessing(answer);
    expect(answer.headers["retry-after"]).toBe("30");
    expect(handler).toHaveBeenCalledTimes(1);
  });
});

describe("row: same key, other payload", () => {
  test.each(["completed", "running", "waiting", "dead"])(
    "422 while %s, and nothing changes",
    async (state) => {
      const { promise, open } = gate();
      const handler = vi.fn(() =>
        state === "completed" ? undefined : state === "running" ? promise : failing(),
      );
      const retry =
        state === "waiting" ? { initialDelayMs: 30_000, jitter: "none" as const } : { initialDelayMs: 1 };
      const store = memoryStore();
      const receiver = receiving(handler, { store, retry });
      const first = receiver.handle(keyed("k", "one"));
      if (state === "running") await eventually(() => handler.mock.calls.length === 1);
      else await first;
      const before = await store.get({ scope: "hooks", key: "k" });
      expect(before?.state).toBe(state);
      const answer = await receiver.handle(keyed("k", "other"));
      expectProblem(answer, { status: 422, code: "key_reused", retryable: false });
      expect(await store.get({ scope: "hooks", key: "k" })).toEqual(before);
      open();
      await first;
    },
  );
});

describe("row: body over `maxBodyBytes`", () => {
  test("413, nothing stored; exactly the limit is let in", async () => {
    const store = faultyStore(memoryStore(), noFaults);
    const verify = vi.fn();
    const receiver = receiving(() => {}, { store, worker: false, verify, maxBodyBytes: 10 });
    const answer = await receiver.handle(request({ body: "x".repeat(11) }));
    expectProblem(answer, { status: 413, code: "body_too_large", retryable: false });
    expect(verify).not.toHaveBeenCalled();
    expect(store.calls).toEqual([]);
    expect((await receiver.handle(request({ body: "x".repeat(10) }))).status).toBe(200);
  });
});
