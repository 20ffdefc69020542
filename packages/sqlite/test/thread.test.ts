/** The thread of a store: it does not block the app, loses nothing that it confirmed, and can die. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { HooklatchError } from "@hooklatch/core";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { describe, expect, test, vi } from "vitest";
import { bundle, started } from "./bundled-thread.js";
import { claimOf, scratch } from "./support.js";

vi.mock("node:worker_threads", async (original) => {
  const { withBundledThread } = await import("./bundled-thread.js");
  return withBundledThread(await original());
});

const file = scratch("thread");
const program = fileURLToPath(new URL("./fixtures/use-thread.mjs", import.meta.url));
const open = (path: string, busyTimeoutMs = 5_000) => sqliteStore(path, { thread: true, busyTimeoutMs });

/** From now on each new operation takes SQLite about a second. */
function slowDown(path: string): void {
  const db = new Database(path);
  db.exec(`CREATE TRIGGER slow AFTER INSERT ON hooklatch_operations BEGIN
    UPDATE hooklatch_operations SET round = (WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 4000000) SELECT 1 FROM n
      WHERE x = 4000000) WHERE id = NEW.id; END`);
  db.close();
}
function speedUp(path: string): void {
  const db = new Database(path, { timeout: 10_000 });
  db.exec("DROP TRIGGER slow");
  db.close();
}

test("a slow commit does not block the event loop", async () => {
  const path = file("slow.db");
  const store = open(path);
  await store.claim(claimOf("first"));
  slowDown(path);
  let [longest, last, done] = [0, performance.now(), false];
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  const from = performance.now();
  expect(await store.claim(claimOf("k"))).toMatchObject({ status: "claimed", token: 1 });
  const took = performance.now() - from;
  done = true;
  expect(longest).toBeLessThan(took / 2);
  await store.close?.();
});

describe("a thread that dies", () => {
  test("rejects what is in flight as unavailable, and the next call starts another", async () => {
    const path = file("dies.db");
    const store = open(path);
    await store.claim(claimOf("first"));
    const before = started.length;
    slowDown(path);
    const claims = [store.claim(claimOf("a")), store.claim(claimOf("b"))];
    const ended = Promise.allSettled(claims);
    setTimeout(() => void started.at(-1)?.terminate(), 100);
    for (const end of await ended) {
      expect(end).toMatchObject({
        status: "rejected",
        reason: { code: "store_unavailable", retryable: true },
      });
      expect(HooklatchError.is((end as PromiseRejectedResult).reason)).toBe(true);
    }
    speedUp(path);
    // Sent again, it is not taken for somebody else's: nothing of it was committed, or all.
    expect(await store.claim(claimOf("a", { owner: "again" }))).toMatchObject({
      status: "claimed",
      token: 1,
    });
    expect(started.length).toBe(before + 1);
    await store.close?.();
  });

  test("or that cannot open the file any more, says why", async () => {
    const path = file("newer.db");
    const store = open(path);
    await store.claim(claimOf("k"));
    const db = new Database(path);
    db.exec("UPDATE hooklatch_schema SET version = 999 WHERE part = 'operations'");
    const thread = started.at(-1);
    await thread?.terminate();
    await expect(store.claim(claimOf("k"))).rejects.toMatchObject({ code: "schema_newer" });
    db.exec("UPDATE hooklatch_schema SET version = 2 WHERE part = 'operations'");
    db.close();
    await store.close?.();
  });
});

test("SIGKILL: what was confirmed is there", async () => {
  const path = file("killed.db");
  const child = spawn(process.execPath, [program, bundle, path, "claims"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let confirmed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    confirmed += text;
    if (confirmed.length > 20_000) child.kill("SIGKILL");
  });
  await once(child, "close");
  const keys = confirmed.slice(0, confirmed.lastIndexOf("\n")).split("\n");
  const store = sqliteStore(path);
  const found = await Promise.all(keys.map((key) => store.get({ scope: "s", key })));
  expect(found.every((one) => one?.state === "running")).toBe(true);
  expect(keys.length).toBeGreaterThan(1_000);
  await store.close?.();
});

test("an idle thread does not keep the process alive, a call does", async () => {
  const child = spawn(process.execPath, [program, bundle, file("idle.db"), "idle"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = await once(child, "close");
  expect([said, code]).toEqual(["claimed", 0]);
});

test("close() commits what was accepted, and ends the thread", async () => {
  const path = file("close.db");
  const store = open(path);
  const thread = started.at(-1);
  const exit = thread && once(thread, "exit");
  const claims = Array.from({ length: 300 }, (_, n) => store.claim(claimOf(`k${n}`)));
  await Promise.all([store.close?.(), store.close?.()]);
  expect((await Promise.all(claims)).every((claim) => claim.status === "claimed")).toBe(true);
  await exit;
  await expect(store.claim(claimOf("late"))).rejects.toMatchObject({ code: "store_closed" });
});

test("an error keeps its code and its cause", async () => {
  const path = file("busy.db");
  const store = open(path, 50);
  await store.claim(claimOf("first"));
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  await expect(store.claim(claimOf("k"))).rejects.toMatchObject({ code: "store_busy", retryable: true });
  other.exec("ROLLBACK");
  const schedule = store.schedule({ id: { scope: "s", key: "none" }, replayId: "r", delayMs: 0 });
  await expect(schedule).rejects.toMatchObject({ code: "event_not_kept", retryable: false });
  other.close();
  await store.close?.();
});

test("a request that cannot cross concerns only its caller; a caller keeps its buffers", async () => {
  const store = open(file("cross.db"));
  const large = new Uint8Array(1_000_000).fill(7);
  const [good, bad] = await Promise.allSettled([
    store.claim(claimOf("good", { event: large.subarray(10, 20) })),
    store.claim(claimOf("bad", { fingerprint: (() => "f") as unknown as string })),
  ]);
  expect(good).toMatchObject({ status: "fulfilled", value: { status: "claimed" } });
  expect(bad).toMatchObject({ status: "rejected", reason: { code: "invalid_argument" } });
  expect(large.byteLength).toBe(1_000_000);
  expect((await store.get({ scope: "s", key: "good" }))?.event).toEqual(new Uint8Array(10).fill(7));
  await store.close?.();
});

describe("refused, before anything is opened:", () => {
  test.each([
    ["memory", ":memory:", { thread: true }],
    ["a temporary file", "", { thread: true }],
    ["another clock", file("clock.db"), { thread: true, now: Date.now }],
    ["a name that is no boolean", file("name.db"), { thread: "yes" as unknown as boolean }],
  ])("%s", (_, path, options) => {
    expect(() => sqliteStore(path, options)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });

  test("an open database", () => {
    const db = new Database(":memory:");
    expect(() => sqliteStore(db, { thread: true })).toThrow(
      expect.objectContaining({ code: "invalid_option" }),
    );
    db.close();
  });

  test("a directory that does not exist, as without a thread", () => {
    const missing = file("missing/a.db");
    expect(() => open(missing)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  });
});
