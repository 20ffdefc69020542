/** `on.deadLetterThreshold`: once for each threshold that is reached, until there are fewer letters again. */
import { type IdempotencyOptions, memoryDeadLetters, memoryStore, withIdempotency } from "@hooklatch/core";
import { afterEach, expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { codeOf } from "./support/outcome.js";

const open: { close(options?: { drainMs?: number }): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((handler) => handler.close({ drainMs: 0 })));
});

function failing(options: Partial<IdempotencyOptions<number>>) {
  const calls: { letters: number; threshold: number }[] = [];
  const deadLetters = memoryDeadLetters();
  const handler = withIdempotency<number, never>(
    () => {
      throw new Error("it failed");
    },
    {
      store: memoryStore(),
      scope: "s",
      deadLetters,
      retry: false,
      on: { deadLetterThreshold: ({ scope, ...rest }) => void calls.push(rest) },
      ...options,
    },
  );
  open.push(handler);
  return { handler, calls, deadLetters };
}

test("tells of each threshold once, as letters come one by one", async () => {
  const { handler, calls } = failing({ deadLetterThresholds: [2, 5] });
  for (let n = 0; n < 7; n++) await handler(n);
  expect(calls).toEqual([
    { letters: 2, threshold: 2 },
    { letters: 5, threshold: 5 },
  ]);
});

test("of letters that come together, the highest threshold is told, and counts are shared", async () => {
  const { handler, calls, deadLetters } = failing({});
  let counts = 0;
  const count = deadLetters.count;
  deadLetters.count = (query) => {
    counts++;
    return count(query);
  };
  await Promise.all(Array.from({ length: 50 }, (_, n) => handler(n)));
  expect(calls.at(-1)?.threshold).toBe(10);
  expect(counts).toBeLessThan(50);
});

test("tells again when letters were fewer meanwhile", async () => {
  const { handler, calls, deadLetters } = failing({ deadLetterThresholds: [1], worker: { pollMs: 1 } });
  await handler(1);
  const [letter] = (await deadLetters.list()).letters;
  await deadLetters.remove(letter?.id as string);
  await handler(2);
  // Without a count in between nobody knows that there were none; the upkeep of the worker counts now and then.
  await eventually(async () => {
    const [next] = (await deadLetters.list()).letters;
    if (next) await deadLetters.remove(next.id);
    await new Promise((resolve) => setTimeout(resolve, 60));
    await handler(Math.random());
    return calls.length >= 2;
  });
});

test("a queue that cannot count now costs the answer nothing, and is told of", async () => {
  const errors: string[] = [];
  const { handler, deadLetters } = failing({
    worker: false,
    on: { deadLetterThreshold: () => {}, storeError: ({ operation }) => void errors.push(operation) },
  });
  deadLetters.count = () => Promise.reject(new Error("down"));
  expect(await handler(1)).toMatchObject({ status: "dead", deadLetterId: expect.any(String) });
  expect(errors).toEqual(["count"]);
});

test("nobody listens: nothing is counted", async () => {
  const { handler, deadLetters } = failing({ on: {} });
  deadLetters.count = () => {
    throw new Error("counted");
  };
  expect(await handler(1)).toMatchObject({ status: "dead" });
});

test("thresholds that make no sense are refused", () => {
  for (const deadLetterThresholds of [[], [0], [1.5], [-1], 5, ["1"]]) {
    expect(codeOf(() => failing({ deadLetterThresholds: deadLetterThresholds as number[] }))).toBe(
      "invalid_option",
    );
  }
});
