/** What large events cost: as little as possible, and never a long pause. */
import { existsSync, statSync } from "node:fs";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("payloads");
const MIB = 1024 * 1024;

test("a heartbeat does not write a large event again", async () => {
  const path = file("heartbeat.db");
  const db = new Database(path);
  const store = sqliteStore(db);
  db.pragma("wal_autocheckpoint = 0");
  const request = claimOf("k", { event: new Uint8Array(MIB).fill(7) });
  await store.claim(request);
  const before = statSync(`${path}-wal`).size;
  for (let n = 0; n < 5; n++) await store.extend({ ...request, token: 1, leaseMs: 60_000 + n });
  expect(statSync(`${path}-wal`).size - before).toBeLessThan(MIB / 8);
  db.close();
});

test("neither does one after an edit write the event as it came, or the history", async () => {
  const path = file("edited.db");
  const db = new Database(path);
  const store = sqliteStore(db);
  db.pragma("wal_autocheckpoint = 0");
  const { id } = claimOf("k");
  const edit = { event: new Uint8Array(10), originalEvent: new Uint8Array(MIB).fill(7) };
  await store.schedule({ id, replayId: "r", delayMs: 0, about: { note: "x".repeat(1_000) }, ...edit });
  const [work] = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 60_000, limit: 1 });
  const held = { id, owner: "w", token: work?.token ?? 0 };
  const before = statSync(`${path}-wal`).size;
  for (let n = 0; n < 5; n++) expect(await store.extend({ ...held, leaseMs: 60_000 + n })).toBe(true);
  expect(statSync(`${path}-wal`).size - before).toBeLessThan(MIB / 8);
  expect((await store.get(id))?.originalEvent).toEqual(edit.originalEvent);
  db.close();
});

test("large events that arrive together are not one long transaction", async () => {
  const db = new Database(file("large.db"));
  const commits: string[] = [];
  const exec = db.exec.bind(db);
  db.exec = (sql) => {
    if (sql === "COMMIT") commits.push(sql);
    return exec(sql);
  };
  const store = sqliteStore(db);
  commits.length = 0;
  const event = new Uint8Array(MIB);
  const claims = await Promise.all(
    Array.from({ length: 10 }, (_, n) => store.claim(claimOf(`k${n}`, { event }))),
  );
  expect(claims.every((claim) => claim.status === "claimed")).toBe(true);
  expect(commits.length).toBeGreaterThanOrEqual(5);
  db.close();
});

test("the last to close leaves one file, with everything in it", async () => {
  const path = file("last.db");
  const store = sqliteStore(path);
  await store.claim(claimOf("k"));
  expect(existsSync(`${path}-wal`)).toBe(true);
  await store.close?.();
  await store.close?.();
  expect(existsSync(`${path}-wal`)).toBe(false);
  const db = new Database(path, { readonly: true });
  expect(db.prepare("SELECT key FROM hooklatch_operations").pluck().all()).toEqual(["k"]);
  db.close();
});

test("an empty event, an empty result and none are three different things", async () => {
  const store = sqliteStore(file("empty.db"));
  const none = new Uint8Array(0);
  const request = claimOf("k", { event: none });
  await store.claim(request);
  expect((await store.get(request.id))?.event).toEqual(none);
  await store.retry({ ...request, token: 1, delayMs: 0 });
  const [work] = await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1_000, limit: 1 });
  expect(work).toMatchObject({ kind: "run", event: none });
  await store.complete({ id: request.id, owner: "w", token: 2, result: none, retentionMs: 60_000 });
  expect(await store.claim(claimOf("k"))).toEqual({ status: "completed", result: none });
  const bare = claimOf("bare", { event: undefined });
  await store.claim(bare);
  expect(await store.get(bare.id)).not.toHaveProperty("event");
  await store.complete({ ...bare, token: 1, result: null, retentionMs: 60_000 });
  expect(await store.claim(claimOf("bare"))).toEqual({ status: "completed", result: null });
  await store.close?.();
});
