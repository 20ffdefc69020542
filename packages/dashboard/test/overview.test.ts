/** A store that does not answer must not make the overview hang for longer than it does itself. */
import { memoryDeadLetters, memoryStore } from "@hooklatch/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDashboard } from "../src/index.js";
import { ask } from "./support/asking.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function slow() {
  const store = memoryStore();
  const { stats, scopes } = store;
  const answers: (() => void)[] = [];
  let hangs = true;
  let asked = 0;
  const whenAnswered = () => new Promise<void>((resolve) => answers.push(resolve));
  Object.assign(store, {
    async scopes() {
      asked++;
      if (hangs) await whenAnswered();
      return scopes?.();
    },
    stats,
  });
  const dashboard = createDashboard({ store, deadLetters: memoryDeadLetters(), authorize: () => true });
  return {
    overview: async () => (await ask(dashboard, "GET", "api/overview")).status,
    asked: () => asked,
    recovers: () => {
      hangs = false;
    },
    answersAtLast: () => {
      for (const answer of answers.splice(0)) answer();
    },
  };
}

test("each request is answered in time, and all of them wait for one count", async () => {
  const { overview, asked } = slow();
  const both = [overview(), overview()];
  await vi.advanceTimersByTimeAsync(15_000);
  expect(await Promise.all(both)).toEqual([503, 503]);
  const third = overview();
  await vi.advanceTimersByTimeAsync(15_000);
  expect([await third, asked()]).toEqual([503, 1]);
});

test("a count that takes longer than a request is given by the next one", async () => {
  const { overview, answersAtLast, asked } = slow();
  const first = overview();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(await first).toBe(503);
  const second = overview();
  answersAtLast();
  expect([await second, await overview(), asked()]).toEqual([200, 200, 1]);
});

test("one that never ends is given up, so that a store that is back is seen to be", async () => {
  const { overview, recovers, asked, answersAtLast } = slow();
  const first = overview();
  await vi.advanceTimersByTimeAsync(15_000);
  expect(await first).toBe(503);
  recovers();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([await overview(), asked()]).toEqual([200, 2]);
  // An answer that comes after all changes nothing.
  answersAtLast();
  await vi.advanceTimersByTimeAsync(1);
  expect([await overview(), asked()]).toEqual([200, 2]);
});

test("one that fails late harms nobody", async () => {
  const store = memoryStore();
  let fail: (error: Error) => void = () => {};
  store.scopes = () =>
    new Promise((_, reject) => {
      fail = reject;
    });
  const dashboard = createDashboard({ store, deadLetters: memoryDeadLetters(), authorize: () => true });
  const answer = ask(dashboard, "GET", "api/overview");
  await vi.advanceTimersByTimeAsync(15_000);
  expect(await answer).toMatchObject({ status: 503, json: { code: "store_slow" } });
  fail(new Error("at last"));
  await vi.advanceTimersByTimeAsync(1);
});
