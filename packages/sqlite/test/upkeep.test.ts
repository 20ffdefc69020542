/** Counting and purging: right for tables of several windows, and bounded. */
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("upkeep");
const DAY_MS = 24 * 60 * 60 * 1000;

async function completed(store: ReturnType<typeof sqliteStore>, count: number, retentionMs: number) {
  const requests = Array.from({ length: count }, (_, n) => claimOf(`${retentionMs}:${n}`));
  await Promise.all(requests.map((request) => store.claim(request)));
  const complete = requests.map((r) => store.complete({ ...r, token: 1, result: null, retentionMs }));
  await Promise.all(complete);
}

test("stats() counts every operation once, over several windows, in one scope or all", async () => {
  const store = sqliteStore(file("stats.db"));
  await completed(store, 6_000, DAY_MS);
  await store.claim(claimOf("other", { id: { scope: "other", key: "k" } }));
  const waiting = [claimOf("w1"), claimOf("w2")];
  for (const request of waiting) {
    await store.claim(request);
    await store.retry({ ...request, token: 1, delayMs: 1_000 });
  }
  const oldestWaitingAt = (await store.get(waiting[0]?.id ?? { scope: "s", key: "" }))?.dueAt;
  const none = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0, unsettled: 0 };
  expect(await store.stats()).toEqual({ ...none, running: 1, waiting: 2, completed: 6_000, oldestWaitingAt });
  expect(await store.stats("other")).toEqual({ ...none, running: 1 });
  expect(await store.stats("s")).toEqual({ ...none, waiting: 2, completed: 6_000, oldestWaitingAt });
  await store.close?.();
});

test("stats() leaves out what counts as absent: expired, and abandoned without an event", async () => {
  let clock = Date.now();
  const store = sqliteStore(file("absent.db"), { now: () => clock });
  await completed(store, 3, 1_000);
  await store.claim(claimOf("abandoned", { event: undefined, leaseMs: 1_000 }));
  await store.claim(claimOf("kept", { leaseMs: 1_000 }));
  await store.claim(claimOf("newer", { event: undefined, leaseMs: DAY_MS }));
  expect(await store.stats()).toMatchObject({ completed: 3, running: 3 });
  clock += DAY_MS + 1_000;
  expect(await store.stats()).toMatchObject({ completed: 0, running: 2 });
  await store.close?.();
});

test("purge() comes to everything that is expired, a bounded part at a time", async () => {
  let clock = Date.now();
  const path = file("purge.db");
  const store = sqliteStore(path, { now: () => clock });
  await completed(store, 250, DAY_MS);
  await completed(store, 350, 1_000);
  await completed(store, 50, 2 * DAY_MS);
  clock += 60_000;
  const purged: number[] = [];
  for (let call = 0; call < 10; call++) purged.push((await store.purge?.({ limit: 60 })) ?? 0);
  expect(Math.max(...purged)).toBe(60);
  expect(purged.reduce((sum, n) => sum + n)).toBe(350);
  const db = new Database(path);
  expect(db.prepare("SELECT COUNT(*) FROM hooklatch_operations").pluck().get()).toBe(300);
  db.close();
  await expect(store.purge?.({ limit: 0 })).rejects.toMatchObject({ code: "invalid_argument" });
  await store.close?.();
});

test("purge() spares an operation whose owner came back at the last moment", async () => {
  let clock = Date.now();
  const store = sqliteStore(file("revived.db"), { now: () => clock });
  const request = claimOf("k", { event: undefined, leaseMs: 1_000 });
  await store.claim(request);
  clock += DAY_MS + 1_000;
  const purge = store.purge?.({ limit: 10 });
  // Queued after the purge has looked, and before it deletes.
  const extended = store.extend({ ...request, token: 1, leaseMs: 60_000 });
  expect(await extended).toBe(true);
  expect(await purge).toBe(0);
  expect(await store.get(request.id)).toMatchObject({ state: "running" });
  await store.close?.();
});

test("claimDue() hands a scope that is named twice out once", async () => {
  const store = sqliteStore(file("twice.db"));
  const request = claimOf("k");
  await store.claim(request);
  await store.retry({ ...request, token: 1, delayMs: 0 });
  const work = await store.claimDue({ scopes: ["s", "s"], owner: "w", leaseMs: 1_000, limit: 5 });
  expect(work).toMatchObject([{ kind: "run", token: 2 }]);
  await store.close?.();
});
