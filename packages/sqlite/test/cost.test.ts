/** What each verb costs, in statements, transactions and locks. It times nothing: these are what time goes by. */
import { statSync } from "node:fs";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("cost");
const RESULT = new TextEncoder().encode("result");

/** A store whose database tells what it was asked to do: the first word of each statement, in their order. */
function watched(name: string) {
  const path = file(name);
  const db = new Database(path);
  const done: string[] = [];
  const note = (sql: string): void => void done.push(sql.trim().split(/\s/, 1)[0] as string);
  const prepare = db.prepare.bind(db);
  db.prepare = ((sql: string) => {
    const statement = prepare(sql);
    for (const verb of ["run", "get", "all"] as const) {
      const call = statement[verb].bind(statement);
      statement[verb] = (...values: unknown[]) => {
        note(sql);
        return call(...values) as never;
      };
    }
    return statement;
  }) as typeof db.prepare;
  const exec = db.exec.bind(db);
  db.exec = (sql) => {
    note(sql);
    return exec(sql);
  };
  const store = sqliteStore(db);
  done.length = 0;
  /** What was done since the last call: `SELECT 64` for 64 of them, in the order of the first of each. */
  const cost = (): string[] => {
    const kinds = [...new Set(done)].map((kind) => `${kind} ${done.filter((one) => one === kind).length}`);
    done.length = 0;
    return kinds;
  };
  return { path, db, store, cost };
}

const many = Array.from({ length: 64 }, (_, n) => claimOf(`k${n}`));
const completed = (request: ReturnType<typeof claimOf>) => {
  const ended = { attempt: 1, startedAt: 1, durationMs: 1 };
  return { ...request, token: 1, result: RESULT, retentionMs: 60_000, ended };
};

test("64 new claims: a read each, an insert each, one transaction", async () => {
  const { db, store, cost } = watched("claims.db");
  const claims = await Promise.all(many.map((request) => store.claim(request)));
  expect(claims.every((claim) => claim.status === "claimed")).toBe(true);
  expect(cost()).toEqual(["SELECT 64", "BEGIN 1", "INSERT 64", "COMMIT 1"]);
  db.close();
});

test("64 completions: an update each, one transaction, and nothing is read", async () => {
  const { db, store, cost } = watched("completions.db");
  await Promise.all(many.map((request) => store.claim(request)));
  cost();
  const answers = await Promise.all(many.map((request) => store.complete(completed(request))));
  expect(answers.every(Boolean)).toBe(true);
  expect(cost()).toEqual(["BEGIN 1", "UPDATE 64", "COMMIT 1"]);
  db.close();
});

test("64 in flight of both kinds share a transaction, too", async () => {
  const { db, store, cost } = watched("both.db");
  const [claimed, fresh] = [many.slice(0, 32), many.slice(32)];
  await Promise.all(claimed.map((request) => store.claim(request)));
  cost();
  await Promise.all([
    ...claimed.map((request) => store.complete(completed(request))),
    ...fresh.map((request) => store.claim(request)),
  ]);
  expect(cost()).toEqual(["SELECT 32", "BEGIN 1", "UPDATE 32", "INSERT 32", "COMMIT 1"]);
  db.close();
});

test("a duplicate of a completed operation: two reads, no transaction, no byte in the WAL, no lock", async () => {
  const { path, db, store, cost } = watched("duplicate.db");
  await store.claim(claimOf("k", { owner: "first" }));
  await store.complete(completed(claimOf("k", { owner: "first" })));
  const other = new Database(path);
  other.exec("BEGIN IMMEDIATE");
  const bytes = statSync(`${path}-wal`).size;
  cost();
  const duplicates = await Promise.all(Array.from({ length: 64 }, () => store.claim(claimOf("k"))));
  expect(duplicates.every((one) => one.status === "completed")).toBe(true);
  expect(cost()).toEqual(["SELECT 128"]);
  expect(statSync(`${path}-wal`).size).toBe(bytes);
  other.close();
  db.close();
});

test("a duplicate of a running operation: one read", async () => {
  const { db, store, cost } = watched("running.db");
  await store.claim(claimOf("k"));
  cost();
  expect(await store.claim(claimOf("k"))).toMatchObject({ status: "running" });
  expect(cost()).toEqual(["SELECT 1"]);
  db.close();
});

test("of two claims of one new key in one turn, the second finds the first", async () => {
  const { db, store, cost } = watched("twice.db");
  const [one, two] = await Promise.all([store.claim(claimOf("k")), store.claim(claimOf("k"))]);
  expect(one).toMatchObject({ status: "claimed", token: 1 });
  expect(two).toMatchObject({ status: "running", stored: true });
  expect(cost()).toEqual(["SELECT 3", "BEGIN 1", "INSERT 2", "COMMIT 1"]);
  db.close();
});

test("a heartbeat: a read and an update, and the event is not written again", async () => {
  const { path, db, store, cost } = watched("heartbeat.db");
  const request = claimOf("k", { event: new Uint8Array(1_000_000) });
  await store.claim(request);
  const bytes = statSync(`${path}-wal`).size;
  cost();
  expect(await store.extend({ ...request, token: 1, leaseMs: 60_000 })).toBe(true);
  expect(cost()).toEqual(["BEGIN 1", "SELECT 1", "UPDATE 1", "COMMIT 1"]);
  expect(statSync(`${path}-wal`).size - bytes).toBeLessThan(50_000);
  db.close();
});

test("an idle poll for due work: reads, no transaction", async () => {
  const { db, store, cost } = watched("poll.db");
  expect(await store.claimDue({ scopes: ["s"], owner: "w", leaseMs: 1_000, limit: 10 })).toEqual([]);
  expect(cost()).toEqual(["SELECT 3"]);
  db.close();
});
