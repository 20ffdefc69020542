/** A file that the first version of the operations' table wrote: it goes on as it was, and has a history from now on. */
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { scratch } from "./support.js";

const file = scratch("operations migration");
/**
 * Written by version 1, by its verbs, one operation each second from 2000 ms on: running, waiting (of scope `other` and a tenant),
 * completed, dead (its letter pushed), and replayed (dead before, put back as `before`).
 */
const versionOne = fileURLToPath(new URL("./fixtures/operations-version-1.sqlite3", import.meta.url));
const NOW = 10_000;

function open(name: string) {
  const path = file(name);
  copyFileSync(versionOne, path);
  return { path, store: sqliteStore(path, { now: () => NOW }) };
}
const id = (key: string) => ({ scope: "s", key });
const bytes = (text: string) => new TextEncoder().encode(text);

test("operations of version 1 keep what they hold, and no replay is made up for them", async () => {
  const { store } = open("kept.db");
  const running = await store.get(id("running"));
  expect(running).toMatchObject({ state: "running", bornAt: 2_000, fingerprint: "f running", replays: [] });
  expect(running?.event).toEqual(bytes("event of running ".repeat(100)));
  expect(await store.get(id("completed"))).toMatchObject({ state: "completed", result: bytes("result") });
  expect(await store.get({ scope: "other", tenant: "t", key: "waiting" })).toMatchObject({
    state: "waiting",
    attempts: [{ attempt: 1, round: 1 }],
  });
  const replayed = await store.get(id("replayed"));
  expect(replayed).toMatchObject({ state: "waiting", round: 2, replayId: "before", replays: [] });
  expect(replayed).not.toHaveProperty("originalEvent");
  expect(await store.scopes?.()).toEqual(["other", "s"]);
  expect(await store.stats("s")).toMatchObject({ running: 1, waiting: 1, completed: 1, dead: 1 });
  expect(await store.stats()).toMatchObject({ running: 1, waiting: 2, completed: 1, dead: 1 });
  await store.close?.();
});

test("their history begins with the next replay", async () => {
  const { store } = open("replayed.db");
  expect(await store.schedule({ id: id("replayed"), replayId: "before", delayMs: 0 })).toEqual({
    status: "scheduled",
  });
  expect(await store.get(id("replayed"))).toMatchObject({ round: 2, replays: [] });
  const edit = { event: bytes("edited"), originalEvent: bytes("as it came"), about: { by: "ann" } };
  await store.schedule({ id: id("replayed"), replayId: "next", delayMs: 0, ...edit });
  expect(await store.get(id("replayed"))).toMatchObject({
    replays: [{ round: 3, at: NOW, replayId: "next", by: "ann" }],
    event: edit.event,
    originalEvent: edit.originalEvent,
  });
  await store.close?.();
});

test("the file is brought up once, is whole, and forgets a history with its operation", async () => {
  const { path, store } = open("whole.db");
  await store.schedule({ id: id("dead"), replayId: "r", delayMs: 0 });
  await store.close?.();
  await sqliteStore(path).close?.();
  const db = new Database(path);
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(db.prepare("SELECT version FROM hooklatch_schema WHERE part = 'operations'").pluck().get()).toBe(2);
  const histories = db.prepare("SELECT COUNT(*) FROM hooklatch_replays").pluck();
  expect(histories.get()).toBe(1);
  const again = sqliteStore(db);
  expect(await again.delete(id("dead"))).toBe(true);
  expect(histories.get()).toBe(0);
  db.close();
});
