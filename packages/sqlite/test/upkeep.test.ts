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

test("scopes() finds the one operation that is alive among many that are over, and counts as one of its scope", async () => {
  let clock = Date.now();
  const store = sqliteStore(file("scopes.db"), { now: () => clock });
  await completed(store, 300, 1_000);
  await store.claim(claimOf("alive"));
  await completed(store, 700, 2_000);
  const of = (scope: string) => claimOf("k", { id: { scope, key: "k" } });
  for (const scope of ["t", "T", ""]) await store.claim(of(scope));
  const over = of("over");
  await store.claim(over);
  await store.complete({ ...over, token: 1, result: null, retentionMs: 1_000 });
  expect(await store.scopes?.()).toEqual(["", "T", "over", "s", "t"]);
  clock += 60_000;
  expect(await store.scopes?.()).toEqual(["", "T", "s", "t"]);
  await store.delete(claimOf("alive").id);
  expect(await store.scopes?.()).toEqual(["", "T", "t"]);
  await store.close?.();
});

test("scopes() goes from one to the next in an index, and stats() of one reads no other", () => {
  const db = new Database(file("plans.db"));
  const prepared: string[] = [];
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    prepared.push(sql);
    return prepare(sql);
  }) as typeof db.prepare;
  sqliteStore(db);
  const planOf = (sql: string | undefined) =>
    (prepare(`EXPLAIN QUERY PLAN ${sql?.replaceAll(/@\w+|\?/g, "1")}`).all() as { detail: string }[]).map(
      ({ detail }) => detail,
    );
  const scopes = planOf(prepared.find((sql) => sql.startsWith("WITH RECURSIVE")));
  const reads = scopes.filter((step) => step.includes("hooklatch_operations"));
  expect(reads).toHaveLength(2);
  for (const step of reads) expect(step).toContain("USING COVERING INDEX hooklatch_operations_scope");
  const windows = prepared.filter((sql) => /WHERE scope = \S+ AND id [<>]/.test(sql));
  expect(windows).toHaveLength(2);
  for (const sql of windows) {
    const plan = planOf(sql);
    expect(plan.join("; ")).toMatch(/USING INDEX hooklatch_operations_scope \(scope=\? AND rowid[<>]\?\)/);
    expect(plan.join("; ")).not.toMatch(/ORDER BY/);
  }
  db.close();
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
