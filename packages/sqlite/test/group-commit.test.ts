/** Writes that arrive together are committed together, each caller gets its own answer, and nobody waits on the event loop. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("group commit");

/** A database that counts its commits. */
function counting(path: string) {
  const db = new Database(path);
  const commits = { count: 0 };
  const exec = db.exec.bind(db);
  db.exec = (sql: string) => {
    if (sql === "COMMIT") commits.count++;
    return exec(sql);
  };
  return { db, commits };
}

describe("group commit", () => {
  test("64 claims of one turn are one transaction", async () => {
    const { db, commits } = counting(file("group.db"));
    const store = sqliteStore(db);
    commits.count = 0;
    const claims = await Promise.all(Array.from({ length: 64 }, (_, n) => store.claim(claimOf(`k${n}`))));
    expect(claims.every((claim) => claim.status === "claimed")).toBe(true);
    expect(commits.count).toBe(1);
    db.close();
  });

  test("a write that fails does so alone", async () => {
    const { db } = counting(file("alone.db"));
    const store = sqliteStore(db);
    const [good, bad, also] = await Promise.allSettled([
      store.claim(claimOf("good")),
      store.schedule({ id: { scope: "s", key: "nothing to run" }, replayId: "r", delayMs: 0 }),
      store.claim(claimOf("also good")),
    ]);
    expect(good).toMatchObject({ status: "fulfilled", value: { status: "claimed" } });
    expect(bad).toMatchObject({ status: "rejected", reason: { code: "event_not_kept" } });
    expect(also).toMatchObject({ status: "fulfilled", value: { status: "claimed" } });
    expect(await store.stats()).toMatchObject({ running: 2 });
    db.close();
  });

  test("a duplicate takes no write transaction", async () => {
    const { db, commits } = counting(file("duplicate.db"));
    const store = sqliteStore(db);
    const first = claimOf("k");
    await store.claim(first);
    await store.complete({ ...first, token: 1, result: new Uint8Array([1]), retentionMs: 60_000 });
    commits.count = 0;
    expect(await store.claim(claimOf("k"))).toEqual({ status: "completed", result: new Uint8Array([1]) });
    expect(await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1, limit: 1 })).toEqual([]);
    expect(commits.count).toBe(0);
    db.close();
  });

  test("writes that follow each other at once are all answered", async () => {
    const store = sqliteStore(file("chain.db"));
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        for (let i = 0; i < 20; i++) await store.claim(claimOf(`${n}:${i}`));
      }),
    );
    expect(await store.stats()).toMatchObject({ running: 400 });
    await store.close?.();
  });

  test("close() commits what was accepted", async () => {
    const path = file("close.db");
    const store = sqliteStore(path);
    const claims = Array.from({ length: 300 }, (_, n) => store.claim(claimOf(`k${n}`)));
    // The reads that precede the writes are done in this turn.
    await new Promise((resolve) => process.nextTick(resolve));
    await store.close?.();
    const ended = await Promise.allSettled(claims);
    const claimed = ended.filter((end) => end.status === "fulfilled").length;
    const again = sqliteStore(path);
    expect((await again.stats()).running).toBe(claimed);
    expect(claimed).toBe(300);
    await again.close?.();
  });
});

describe("a lock that somebody else holds", () => {
  test("by another process for a while: the operations wait, the event loop does not", async () => {
    const path = file("locked.db");
    const store = sqliteStore(path);
    const holder = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import Database from "better-sqlite3";
        const db = new Database(process.argv[1]);
        db.exec("BEGIN IMMEDIATE");
        console.log("locked");
        setTimeout(() => { db.exec("COMMIT"); db.close(); }, 1500);`,
        path,
      ],
      { cwd: new URL("..", import.meta.url), stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(holder.stdout, "data");
    let turns = 0;
    const turning = setInterval(() => turns++, 10);
    const from = performance.now();
    const claims = await Promise.all(Array.from({ length: 10 }, (_, n) => store.claim(claimOf(`k${n}`))));
    clearInterval(turning);
    expect(claims.every((claim) => claim.status === "claimed")).toBe(true);
    expect(performance.now() - from).toBeGreaterThan(500);
    // SQLite's own busy wait would have left none.
    expect(turns).toBeGreaterThan(15);
    await store.close?.();
  });

  test("for longer than busyTimeoutMs: a coded, retryable error, and nothing was written", async () => {
    const path = file("busy.db");
    const store = sqliteStore(path, { busyTimeoutMs: 100 });
    const other = new Database(path);
    other.exec("BEGIN IMMEDIATE");
    await expect(store.claim(claimOf("k"))).rejects.toMatchObject({ code: "store_busy", retryable: true });
    other.exec("COMMIT");
    expect(await store.claim(claimOf("k"))).toMatchObject({ status: "claimed", token: 1 });
    other.close();
    await store.close?.();
  });

  test("while opening: a second process that starts at the same moment waits", () => {
    const path = file("opening.db");
    const other = new Database(path);
    other.pragma("journal_mode = WAL");
    other.exec("BEGIN IMMEDIATE");
    // Only a given database's own timeout is short here, so that the test does not wait for five seconds.
    const mine = new Database(path, { timeout: 50 });
    expect(() => sqliteStore(mine)).toThrow(expect.objectContaining({ code: "store_busy", retryable: true }));
    other.exec("COMMIT");
    sqliteStore(mine);
    mine.close();
    other.close();
  });

  test("a transaction of the app's own, on the connection it shares with us, is waited for", async () => {
    const db = new Database(file("own transaction.db"), { timeout: 1234 });
    const store = sqliteStore(db);
    db.exec("CREATE TABLE orders (id TEXT); BEGIN; INSERT INTO orders VALUES ('o')");
    const claim = store.claim(claimOf("k"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    db.exec("ROLLBACK");
    expect(await claim).toMatchObject({ status: "claimed" });
    expect((await store.stats()).running).toBe(1);
    // The app's own busy timeout is as it was.
    expect(db.pragma("busy_timeout", { simple: true })).toBe(1234);
    db.close();
  });
});

describe("a disk that is full", () => {
  test("rejects with a coded, retryable error, loses nothing, and works again when there is room", async () => {
    const db = new Database(file("full.db"));
    const store = sqliteStore(db);
    const kept = claimOf("kept");
    await store.claim(kept);
    const pages = db.pragma("page_count", { simple: true });
    db.pragma(`max_page_count = ${Number(pages)}`);
    const large = claimOf("large", { event: new Uint8Array(1_000_000) });
    const [refused, small] = await Promise.allSettled([
      store.claim(large),
      store.extend({ ...kept, token: 1, leaseMs: 60_000 }),
    ]);
    expect(refused).toMatchObject({
      status: "rejected",
      reason: { code: "store_unavailable", retryable: true },
    });
    expect(small).toMatchObject({ status: "fulfilled", value: true });
    expect(await store.get(large.id)).toBeUndefined();
    expect(await store.get(kept.id)).toMatchObject({ state: "running", event: kept.event });
    db.pragma("max_page_count = 1000000");
    expect(await store.claim(large)).toMatchObject({ status: "claimed", token: 1 });
    db.close();
  });
});
