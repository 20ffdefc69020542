/** Many letters at once: each put back exactly once, at a rate, however often the batch is begun. */
import { type BatchStep, discardMany, HooklatchError, replay, replayMany } from "@hooklatch/core";
import { expect, onTestFinished, test, vi } from "vitest";
import { bury1, completeDue, failDue, type Systems, systems } from "./support/letters.js";

async function withLetters(count: number): Promise<Systems & { ids: string[] }> {
  const both = systems();
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const letter = await bury1(both, { scope: n % 2 ? "odd" : "even", key: `k-${n}` });
    ids.push(letter.id);
  }
  return { ...both, ids };
}

async function all<Status extends string>(
  steps: AsyncGenerator<BatchStep<Status>>,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for await (const { items } of steps)
    for (const { status } of items) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function rounds({ deadLetters, store }: Systems): Promise<Set<number>> {
  const { letters } = await deadLetters.list({ limit: 1_000 });
  const records = await Promise.all(letters.map(({ scope, key }) => store.get({ scope, key })));
  return new Set(records.map((record) => record?.round ?? 0));
}

test("by filter: those that match, and no others", async () => {
  const both = await withLetters(120);
  expect(await all(replayMany({ ...both, letters: { scope: "odd" }, perSecond: 10_000 }))).toEqual({
    scheduled: 60,
  });
  expect((await both.store.stats("odd")).waiting).toBe(60);
  expect((await both.store.stats("even")).waiting).toBe(0);
});

/** The time that passes between a decision and its writing is no part of the rate. */
function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** All that was put back is due by then, however quickly the test goes on. */
function later(): void {
  vi.setSystemTime(Date.now() + 1_000);
}

test("they become due one after the other, at the rate", async () => {
  stopTheClock();
  const both = await withLetters(120);
  const from = Date.now();
  await all(replayMany({ ...both, letters: {}, perSecond: 10 }));
  const { letters } = await both.deadLetters.list({ limit: 1_000 });
  const due = await Promise.all(
    letters.map(async ({ scope, key }) => (await both.store.get({ scope, key }))?.dueAt ?? 0),
  );
  due.sort((a, b) => a - b);
  const gaps = due.slice(1).map((at, n) => at - (due[n] as number));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(99);
  expect((due.at(-1) as number) - from).toBeGreaterThanOrEqual(11_800);
});

test("the same batch puts back each letter once, whatever happened to it since", async () => {
  stopTheClock();
  const both = await withLetters(130);
  const options = { ...both, letters: {}, batchId: "batch-1", perSecond: 10_000 };
  // It stops after its first step, as if its process had died.
  for await (const { items } of replayMany(options)) {
    expect(items).toHaveLength(50);
    break;
  }
  later();
  await failDue(both, "odd");
  await completeDue(both, "even");
  expect(await all(replayMany(options))).toEqual({ already: 25, scheduled: 80 });
  expect(await all(replayMany(options))).toEqual({ already: 105 });
  expect(await rounds(both)).toEqual(new Set([2]));
});

test("goes on at the same rate where it stopped, by place or by batch", async () => {
  stopTheClock();
  const both = await withLetters(100);
  const options = { ...both, letters: {}, batchId: "batch-1", perSecond: 10 };
  const { value } = await replayMany(options).next();
  const next = (value as BatchStep<string>).next as string;
  await all(replayMany({ ...options, from: next }));
  const { letters } = await both.deadLetters.list({ limit: 1_000 });
  const due = await Promise.all(
    letters.map(async ({ scope, key }) => (await both.store.get({ scope, key }))?.dueAt ?? 0),
  );
  const span = Math.max(...due) - Math.min(...due);
  expect(span).toBeGreaterThanOrEqual(9_800);
  const again = await withLetters(100);
  await replayMany({ ...options, ...again }).next();
  await all(replayMany({ ...options, ...again }));
  const list = (await again.deadLetters.list({ limit: 1_000 })).letters;
  const later = await Promise.all(
    list.map(async ({ scope, key }) => (await again.store.get({ scope, key }))?.dueAt ?? 0),
  );
  expect(Math.max(...later) - Math.min(...later)).toBeGreaterThanOrEqual(9_800);
});

test("the same batch puts back no letter that was put back by somebody else since, nor waits for that", async () => {
  stopTheClock();
  const both = await withLetters(2);
  const options = { ...both, letters: {}, batchId: "batch-1", perSecond: 10_000 };
  await all(replayMany(options));
  later();
  await failDue(both, "even");
  await replay({ ...both, id: both.ids[0] as string, delayMs: 3_600_000 });
  expect(await all(replayMany(options))).toEqual({ already: 2 });
  expect(await rounds(both)).toEqual(new Set([2, 3]));
  const another = await bury1(both, { scope: "odd", key: "another" });
  await all(replayMany(options));
  expect((await both.store.get(another))?.dueAt).toBeLessThan(Date.now() + 60_000);
});

test("after a pause it goes on at the rate, and makes up for nothing", async () => {
  stopTheClock();
  const both = await withLetters(120);
  const steps = replayMany({ ...both, letters: {}, perSecond: 10 });
  const first = (await steps.next()).value as BatchStep<string>;
  vi.setSystemTime(Date.now() + 60_000);
  const from = Date.now();
  await all(steps);
  const { letters } = await both.deadLetters.list({ limit: 1_000 });
  const later = letters.filter(({ id }) => !first.items.some((item) => item.id === id));
  const due = await Promise.all(
    later.map(async ({ scope, key }) => (await both.store.get({ scope, key }))?.dueAt ?? 0),
  );
  due.sort((a, b) => a - b);
  expect(due[0]).toBeGreaterThanOrEqual(from);
  expect((due.at(-1) as number) - from).toBeGreaterThanOrEqual(6_800);
});

test("letters that arrive meanwhile are left out", async () => {
  const both = await withLetters(60);
  const steps = replayMany({ ...both, letters: {}, perSecond: 10_000 });
  await steps.next();
  await bury1(both, { scope: "odd", key: "new" });
  await all(steps);
  expect((await both.store.get({ scope: "odd", key: "new" }))?.state).toBe("dead");
});

test("by id: each once, also where an id comes twice or is nobody's", async () => {
  const both = await withLetters(3);
  const [first = "", second = ""] = both.ids;
  const counts = await all(replayMany({ ...both, letters: [first, first, "nobody", second] }));
  expect(counts).toEqual({ scheduled: 2, not_found: 1 });
});

test("what is running or completed is left, with its reason; one that fails keeps nobody from its turn", async () => {
  const both = await withLetters(4);
  const [a = "", b = ""] = both.ids;
  for (const id of [a, b]) await replay({ ...both, id });
  await both.store.claimDue({ scopes: ["even"], owner: "w", leaseMs: 60_000, limit: 10 });
  const store = {
    ...both.store,
    get: (id: Parameters<typeof both.store.get>[0]) =>
      id.key === "k-3" ? Promise.reject(new Error("down")) : both.store.get(id),
  };
  const counts = await all(replayMany({ ...both, store, letters: {}, perSecond: 10_000 }));
  expect(counts).toEqual({ scheduled: 2, running: 1, failed: 1 });
});

test("discards by filter, and leaves what is running", async () => {
  const both = await withLetters(110);
  await replay({ ...both, id: both.ids[1] as string });
  await both.store.claimDue({ scopes: ["odd"], owner: "w", leaseMs: 60_000, limit: 10 });
  expect(await all(discardMany({ ...both, letters: { scope: "odd" } }))).toEqual({
    discarded: 54,
    running: 1,
  });
  expect(await both.deadLetters.count()).toBe(56);
  expect((await both.store.stats("odd")).dead).toBe(0);
});

test("a rate or a place that makes no sense is refused", async () => {
  const both = await withLetters(1);
  for (const perSecond of [0, -1, Number.NaN, 100_000, "10"]) {
    const call = replayMany({ ...both, letters: {}, perSecond: perSecond as number }).next();
    await expect(call).rejects.toSatisfy((error) => HooklatchError.is(error, "invalid_option"));
  }
  for (const from of ["", "x", "@1", "12@"]) {
    for (const steps of [replayMany, discardMany]) {
      const call = steps({ ...both, letters: {}, from }).next();
      await expect(call).rejects.toSatisfy((error) => HooklatchError.is(error, "invalid_argument"));
    }
  }
});
