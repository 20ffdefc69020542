/** DESIGN.md §8, column `withIdempotency`: the rows about attempts that fail. */
import { type DeadLetter, memoryDeadLetters, memoryStore, NonRetryableError, respond } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { eventually } from "./support/eventually.js";
import { expectProblem, expectProcessing, json, receiving, request } from "./support/receiving.js";

const failing = () => {
  throw new Error("the handler fails");
};

describe("rows: attempts exhausted", () => {
  test("with a sink: 200 dead_lettered, or deadLetterStatus; a duplicate is told the same", async () => {
    for (const [deadLetterStatus, expected] of [[undefined, 200] as const, [410, 410] as const]) {
      const deadLetters = memoryDeadLetters();
      const handler = vi.fn(failing);
      const receiver = receiving(handler, { deadLetters, deadLetterStatus });
      for (let delivery = 0; delivery < 2; delivery++) {
        const answer = await receiver.handle(request());
        expect(answer.status).toBe(expected);
        expect(json(answer)).toMatchObject({ status: "dead_lettered" });
      }
      expect(handler).toHaveBeenCalledTimes(4);
      const { letters } = await deadLetters.list();
      expect(letters).toHaveLength(1);
      expect(letters[0]?.attempts).toHaveLength(4);
    }
  });

  test("the sink is down: 202, duplicates too, and the worker goes on until it is up", async () => {
    let down = true;
    const letters: DeadLetter[] = [];
    const deadLetters = {
      async push(letter: DeadLetter) {
        if (down) throw new Error("the sink is down");
        letters.push(letter);
      },
    };
    const receiver = receiving(failing, { deadLetters, leaseMs: 60, storeTimeoutMs: 20 });
    expectProcessing(await receiver.handle(request()));
    expectProcessing(await receiver.handle(request()));
    down = false;
    await eventually(() => letters.length === 1, "the worker to push the letter");
    const answer = await eventually(async () => {
      const again = await receiver.handle(request());
      return again.status === 200 && again;
    });
    expect(json(answer)).toEqual({ status: "dead_lettered", id: letters[0]?.id });
  });

  test("no sink: 500, kept as dead; a redelivery after maxDelayMs runs it again", async () => {
    let now = Date.now();
    const store = memoryStore({ now: () => now });
    const handler = vi.fn(failing);
    const receiver = receiving(handler, { store, retry: { initialDelayMs: 1, maxDelayMs: 1_000 } });
    const exhausted = { status: 500, code: "attempts_exhausted", retryable: true };
    expectProblem(await receiver.handle(request()), exhausted);
    expectProblem(await receiver.handle(request()), exhausted);
    expect(handler).toHaveBeenCalledTimes(4);
    expect((await store.stats()).dead).toBe(1);
    now += 1_001;
    handler.mockImplementation((() => "works") as never);
    expect(json(await receiver.handle(request()))).toBe("works");
  });

  test('no sink, redelivery: "ignore": the 500 says that another delivery cannot help', async () => {
    let now = Date.now();
    const store = memoryStore({ now: () => now });
    const handler = vi.fn(failing);
    const receiver = receiving(handler, { store, redelivery: "ignore", retry: false });
    await receiver.handle(request());
    now += 3_600_000;
    const answer = await receiver.handle(request());
    expectProblem(answer, { status: 500, code: "attempts_exhausted", retryable: false });
    expect(handler).toHaveBeenCalledTimes(1);
  });
});

describe("row: handler answers 5xx, 408, 425, 429, or throws", () => {
  test.each<[string, () => unknown]>([
    ["500", () => respond(500)],
    ["429", () => respond(429)],
    ["an error", failing],
    [
      "a string",
      () => {
        throw "text";
      },
    ],
    [
      "undefined",
      () => {
        throw undefined;
      },
    ],
    ["a rejection", () => Promise.reject(new Error("x"))],
    [
      "what cannot be looked at",
      () => {
        throw revoked();
      },
    ],
  ])("%s: a failed attempt, retried", async (_, fail) => {
    const deadLetters = memoryDeadLetters();
    let runs = 0;
    const receiver = receiving(() => (++runs < 3 ? fail() : "third"), { deadLetters });
    expect(json(await receiver.handle(request()))).toBe("third");
    expect(await deadLetters.count()).toBe(0);
  });

  test("a NonRetryableError, and JSON that is none, are dead at once", async () => {
    const poison = [
      () => {
        throw new NonRetryableError("unknown id");
      },
      (event: { json(): unknown }) => event.json(),
    ];
    for (const fail of poison) {
      const deadLetters = memoryDeadLetters();
      const handler = vi.fn(fail);
      const receiver = receiving(handler, { deadLetters });
      expect(json(await receiver.handle(request({ body: "{" })))).toMatchObject({ status: "dead_lettered" });
      expect(handler).toHaveBeenCalledTimes(1);
      expect((await deadLetters.list()).letters[0]?.attempts).toHaveLength(1);
    }
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
