/** Many processes, one file: every key has one winner, nobody sees a lock, and no lock stops an event loop. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath, pathToFileURL } from "node:url";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("contention");
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));

/** Another process that holds the write lock, until it is told to let go or its time is over. */
async function holdLock(path: string, ms: number): Promise<ChildProcess> {
  const program = `
    const db = new (require(process.argv[1]))(process.argv[2]);
    db.exec("BEGIN IMMEDIATE");
    process.send("locked");
    setTimeout(() => { db.exec("COMMIT"); db.close(); process.disconnect(); }, ${ms});`;
  const driver = createRequire(import.meta.url).resolve("better-sqlite3");
  const holder = spawn(process.execPath, ["--eval", program, driver, path], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await once(holder, "message");
  return holder;
}

test("a write lock held by another process for 3 s: reads are answered, writes follow, the event loop turns", async () => {
  const path = file("held.db");
  const store = sqliteStore(path);
  const done = claimOf("done");
  await store.claim(done);
  await store.complete({ ...done, token: 1, result: null, retentionMs: 60_000 });
  const held = claimOf("held");
  await store.claim(held);

  const holder = await holdLock(path, 3_000);
  const ended = once(holder, "exit");
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const from = performance.now();
  const writes = Promise.all([
    store.extend({ ...held, token: 1, leaseMs: 60_000 }),
    ...Array.from({ length: 50 }, (_, n) => store.claim(claimOf(`k${n}`))),
  ]);

  expect(await store.claim(claimOf("done"))).toEqual({ status: "completed", result: null });
  expect(await store.claim(claimOf("held"))).toMatchObject({ status: "running", stored: true });
  expect(await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1_000, limit: 10 })).toEqual([]);
  expect((await store.stats()).running).toBe(1);
  expect(performance.now() - from).toBeLessThan(1_500);

  const [extended, ...claims] = await writes;
  delay.disable();
  expect(performance.now() - from).toBeGreaterThan(2_000);
  expect(extended).toBe(true);
  expect(claims.every((claim) => claim.status === "claimed")).toBe(true);
  expect(delay.max / 1e6).toBeLessThan(250);
  await ended;
  await store.close?.();
});

test("close() under another process's lock waits for what it accepted", async () => {
  const path = file("closing.db");
  const store = sqliteStore(path);
  const holder = await holdLock(path, 500);
  const ended = once(holder, "exit");
  const claim = store.claim(claimOf("k"));
  // The read that precedes the write is done in this turn.
  await new Promise((resolve) => process.nextTick(resolve));
  await store.close?.();
  expect(await claim).toMatchObject({ status: "claimed" });
  await ended;
});

test("4 processes claim the same 500 keys: one winner each, and no lock escapes", async () => {
  const path = file("race.db");
  const racers = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--import", tsx, fixture("claim-keys.mjs"), path], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    }),
  );
  const exits = racers.map((racer) => once(racer, "exit"));
  await Promise.all(racers.map((racer) => once(racer, "message")));
  const outcomes = racers.map((racer) => once(racer, "message"));
  for (const racer of racers) racer.send("go");
  const results = (await Promise.all(outcomes)).map(
    ([message]) => message as { won: string[]; failed: string[] },
  );
  await Promise.all(exits);
  expect(results.flatMap(({ failed }) => failed)).toEqual([]);
  const won = results.flatMap((result) => result.won).sort((a, b) => Number(a) - Number(b));
  expect(won).toEqual(Array.from({ length: 500 }, (_, n) => String(n)));
  const db = new Database(path);
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  db.close();
});
