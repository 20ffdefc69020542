/** What is particular to the memory store; the contract itself is held against it by `@hooklatch/testing`. */
import { type DeadLetter, memoryDeadLetters, memoryStore, storageKey } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { codeOf, utf8 } from "./support/outcome.js";

const id = { scope: "s", key: "k" };
const claim = (store: ReturnType<typeof memoryStore>, owner = "o", event = utf8("event"), of = id) =>
  store.claim({ id: of, owner, leaseMs: 1_000, event, redelivery: "rerun", redeliveryAfterMs: 0 });

async function rejection(work: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await work;
    return "resolved";
  } catch (error) {
    return error;
  }
}

describe("memoryStore", () => {
  test("says what it survives, and takes its time from the clock it is given", async () => {
    let now = 5_000;
    const store = memoryStore({ now: () => now });
    expect(store.survives).toBe("process");
    await claim(store);
    expect(await store.get(id)).toMatchObject({ bornAt: 5_000, leaseUntil: 6_000 });
    now = 5_900;
    expect(await claim(store, "other")).toEqual({ status: "running", retryAfterMs: 100, stored: true });
    now = 6_000;
    expect(await claim(store, "other")).toMatchObject({ status: "claimed", token: 2, recovered: true });
  });

  test("a retention longer than any timer (2^31 ms, 24.8 days) is kept", async () => {
    const clock = { now: 0 };
    const store = memoryStore({ now: () => clock.now });
    const id = { scope: "a", key: "k" };
    const request = { id, owner: "o", leaseMs: 1_000, redelivery: "rerun", redeliveryAfterMs: 0 } as const;
    await store.claim(request);
    await store.complete({ id, owner: "o", token: 1, result: null, retentionMs: 2 ** 33 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    clock.now = 2 ** 32;
    expect(await store.claim({ ...request, owner: "p" })).toMatchObject({ status: "completed" });
    clock.now = 2 ** 34;
    expect(await store.claim({ ...request, owner: "p" })).toMatchObject({ status: "claimed" });
  });

  test("keeps copies: neither the caller's buffer nor an answer changes what is stored", async () => {
    const store = memoryStore();
    const event = utf8("event");
    await claim(store, "o", event);
    event.fill(0);
    (await store.get(id))?.event?.fill(0);
    expect((await store.get(id))?.event).toEqual(utf8("event"));
    const result = utf8("result");
    await store.complete({ id, owner: "o", token: 1, result, retentionMs: 1_000 });
    result.fill(0);
    const again = await claim(store, "p");
    if (again.status === "completed") again.result?.fill(0);
    expect((await store.get(id))?.result).toEqual(utf8("result"));
    expect(await claim(store, "q")).toEqual({ status: "completed", result: utf8("result") });
  });

  test("copies the identity too", async () => {
    const store = memoryStore();
    const mine = { scope: "s", key: "mutable" };
    await claim(store, "o", utf8("e"), mine);
    mine.key = "changed";
    expect((await store.get({ scope: "s", key: "mutable" }))?.id).toEqual({ scope: "s", key: "mutable" });
  });

  test("purge forgets what is expired in small batches, and nothing that is alive", async () => {
    let now = 0;
    const store = memoryStore({ now: () => now });
    for (let i = 0; i < 500; i++) {
      const of = { scope: "s", key: `k-${i}` };
      await claim(store, "o", utf8("e"), of);
      if (i % 2 === 0) await store.complete({ id: of, owner: "o", token: 1, result: null, retentionMs: 100 });
    }
    now = 1_000_000;
    let purged = 0;
    for (let call = 0; call < 100; call++) {
      const batch = (await store.purge?.({ limit: 10 })) ?? 0;
      expect(batch).toBeLessThanOrEqual(10);
      purged += batch;
    }
    expect(purged).toBe(250);
    expect(await store.stats()).toMatchObject({ running: 250, completed: 0 });
  });

  test("after close, each verb rejects with store_closed, and never throws at once", async () => {
    const store = memoryStore();
    await store.close?.();
    await store.close?.();
    const held = { id, owner: "o", token: 1 };
    const calls = [
      () => claim(store),
      () => store.extend({ ...held, leaseMs: 1 }),
      () => store.complete({ ...held, result: null, retentionMs: 1 }),
      () => store.retry({ ...held, delayMs: 0 }),
      () => store.fail({ ...held, error: { name: "E", message: "m" }, letter: false }),
      () => store.settle({ id, bornAt: 1, token: 1, letter: "pushed" }),
      () => store.discard({ id, bornAt: 1, token: 1 }),
      () => store.outrank({ id, bornAt: 1, token: 1, other: 1 }),
      () => store.release({ ...held, retentionMs: 1 }),
      () => store.schedule({ id, replayId: "r", delayMs: 0 }),
      () => store.claimDue({ scopes: ["s"], owner: "o", leaseMs: 1, limit: 1 }),
      () => store.get(id),
      () => store.delete(id),
      () => store.stats(),
      () => store.purge?.({ limit: 1 }),
    ];
    for (const call of calls) expect(await rejection(call())).toMatchObject({ code: "store_closed" });
  });
});

describe("memoryDeadLetters", () => {
  const letter = (key: string, token = 1): DeadLetter => ({
    id: storageKey({ scope: "s", key }),
    scope: "s",
    key,
    token,
    bornAt: 1,
    firstFailedAt: 1,
    diedAt: 2,
    rounds: 1,
    event: utf8(key),
    error: { name: "Error", message: "m" },
    attempts: [],
  });

  test("keeps copies", async () => {
    const queue = memoryDeadLetters();
    const pushed = letter("a");
    await queue.push(pushed);
    pushed.error.message = "changed";
    pushed.event.fill(0);
    const kept = await queue.get(pushed.id);
    expect(kept).toMatchObject(letter("a"));
    if (kept) kept.error.message = "changed";
    expect(await queue.get(pushed.id)).toMatchObject(letter("a"));
  });

  test("takes times of arrival from the clock it is given, and keeps them in order when that steps back", async () => {
    let now = 9_000;
    const queue = memoryDeadLetters({ now: () => now, retentionMs: 100 });
    for (const [key, at] of [
      ["a", 9_000],
      ["b", 5_000],
      ["c", 9_050],
    ] as const) {
      now = at;
      await queue.push(letter(key));
    }
    const { letters } = await queue.list();
    expect(letters.map((one) => [one.key, one.arrivedAt])).toEqual([
      ["c", 9_050],
      ["b", 9_000],
      ["a", 9_000],
    ]);
    now = 9_099;
    expect(await queue.expired?.({ scope: "s", limit: 10 })).toEqual([]);
    now = 9_100;
    expect(await queue.expired?.({ scope: "s", limit: 10 })).toEqual([letter("a").id, letter("b").id]);
  });

  test("refuses limits that make no sense, and a `limit` that is none", async () => {
    for (const retentionMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1" as never]) {
      expect(codeOf(() => memoryDeadLetters({ retentionMs }))).toBe("invalid_option");
    }
    for (const maxLetters of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1" as never]) {
      expect(codeOf(() => memoryDeadLetters({ maxLetters }))).toBe("invalid_option");
    }
    const queue = memoryDeadLetters({ retentionMs: 0.5, maxLetters: 1 });
    expect(await rejection(queue.expired?.({ scope: "s", limit: 0 }))).toMatchObject({
      code: "invalid_argument",
    });
  });

  test("after close, each verb rejects with store_closed", async () => {
    const queue = memoryDeadLetters();
    await queue.close?.();
    const calls = [
      queue.push(letter("a")),
      queue.list(),
      queue.get("x"),
      queue.remove("x"),
      queue.count(),
      queue.expired?.({ scope: "s", limit: 1 }),
    ];
    for (const call of calls) expect(await rejection(call)).toMatchObject({ code: "store_closed" });
  });
});
