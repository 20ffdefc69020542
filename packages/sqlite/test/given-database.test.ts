/** A database of the app's own stays the app's: its settings, its transactions, its end. */
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test, vi } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("given");

test("EXTRA, which is more than FULL, stays", async () => {
  const db = new Database(file("extra.db"));
  db.pragma("synchronous = EXTRA");
  await sqliteStore(db).claim(claimOf("k"));
  expect(db.pragma("synchronous", { simple: true })).toBe(3);
  db.close();
});

test("connections that are opened here are at FULL, too, and stay there", async () => {
  const path = file("ours.db");
  for (let open = 0; open < 2; open++) {
    const pragma = vi.spyOn(Database.prototype, "pragma");
    const store = sqliteStore(path);
    const letters = sqliteDeadLetters(path);
    const connections = new Set(pragma.mock.contexts as Database.Database[]);
    pragma.mockRestore();
    expect(connections.size).toBe(2);
    await store.claim(claimOf(`k${open}`));
    await letters.remove("none", { bornAt: 1, token: 1 });
    for (const connection of connections) {
      expect(connection.pragma("synchronous", { simple: true })).toBe(2);
      expect(connection.pragma("journal_mode", { simple: true })).toBe("wal");
    }
    await Promise.all([store.close?.(), letters.close?.()]);
    for (const connection of connections) expect(connection.open).toBe(false);
  }
});

test("one that is inside a transaction is refused, and unchanged", () => {
  const db = new Database(file("inside.db"));
  db.exec("CREATE TABLE orders (id TEXT); BEGIN");
  expect(() => sqliteStore(db)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  db.exec("COMMIT");
  expect(db.prepare("SELECT name FROM sqlite_master").pluck().all()).toEqual(["orders"]);
  db.close();
});

test("one that reads integers as bigint works all the same", async () => {
  const db = new Database(file("bigint.db"));
  db.defaultSafeIntegers(true);
  const store = sqliteStore(db);
  const letters = sqliteDeadLetters(db);
  const request = claimOf("k");
  expect(await store.claim(request)).toMatchObject({ status: "claimed", token: 1, attempt: 1 });
  expect(await store.retry({ ...request, token: 1, delayMs: 0 })).toBe(true);
  const [work] = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1_000, limit: 1 });
  expect(work).toMatchObject({ kind: "run", token: 2, attempt: 2 });
  expect(await store.stats()).toMatchObject({ running: 1, waiting: 0 });
  expect(await letters.count()).toBe(0);
  sqliteStore(db);
  expect(db.prepare("SELECT 1 AS one").get()).toEqual({ one: 1n });
  db.close();
});

test("the app may be in the middle of reading rows: a write waits, a read does not", async () => {
  const db = new Database(file("iterating.db"));
  const store = sqliteStore(db);
  const known = claimOf("known");
  await store.claim(known);
  const rows = db.prepare("SELECT 1 UNION SELECT 2").iterate();
  rows.next();
  const claim = store.claim(claimOf("k"));
  expect(await store.get(known.id)).toMatchObject({ state: "running" });
  await new Promise((resolve) => setTimeout(resolve, 50));
  rows.return?.();
  expect(await claim).toMatchObject({ status: "claimed" });
  db.close();
});

test("one that turns read-only: coded, retryable errors with their cause, reads go on, and writes work again after", async () => {
  const db = new Database(file("readonly.db"));
  const store = sqliteStore(db);
  const kept = claimOf("kept");
  await store.claim(kept);
  db.pragma("query_only = ON");
  const refused = await Promise.allSettled([
    store.claim(claimOf("new")),
    store.extend({ ...kept, token: 1, leaseMs: 1 }),
  ]);
  for (const one of refused) {
    const cause = expect.objectContaining({ code: expect.stringContaining("SQLITE_READONLY") });
    expect(one).toMatchObject({
      status: "rejected",
      reason: { code: "store_unavailable", retryable: true, cause },
    });
  }
  expect(await store.get(kept.id)).toMatchObject({ state: "running", event: kept.event });
  db.pragma("query_only = OFF");
  expect(await store.claim(claimOf("new"))).toMatchObject({ status: "claimed", token: 1 });
  db.close();
});

test("one that the app closes: what was queued and what comes later rejects as closed", async () => {
  const db = new Database(file("closed.db"));
  const store = sqliteStore(db);
  const queued = store.schedule({ id: { scope: "s", key: "k" }, replayId: "r", delayMs: 0 });
  db.close();
  await expect(queued).rejects.toMatchObject({ code: "store_closed" });
  await expect(store.stats()).rejects.toMatchObject({ code: "store_closed" });
  await store.close?.();
});

test("a commit that fails confirms nothing", async () => {
  const db = new Database(file("commit.db"));
  const store = sqliteStore(db);
  const exec = db.exec.bind(db);
  let failing = true;
  db.exec = (sql) => {
    if (sql === "COMMIT" && failing)
      throw Object.assign(new Error("disk I/O error"), { code: "SQLITE_IOERR" });
    return exec(sql);
  };
  const claims = [store.claim(claimOf("a")), store.claim(claimOf("b"))];
  for (const claim of await Promise.allSettled(claims)) {
    expect(claim).toMatchObject({
      status: "rejected",
      reason: { code: "store_unavailable", retryable: true },
    });
  }
  failing = false;
  expect(await store.stats()).toMatchObject({ running: 0 });
  expect(await store.claim(claimOf("a"))).toMatchObject({ status: "claimed", token: 1 });
  db.close();
});
