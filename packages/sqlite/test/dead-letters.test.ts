/** What the contract of dead letters cannot see from outside: what stays on disk, and for how long. */
import type { DeadLetter } from "@hooklatch/core";
import { sqliteDeadLetters } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { scratch } from "./support.js";

const file = scratch("letters");
const WEEK_MS = 7 * 24 * 60 * 60 * 1000;

function letterOf(key: string, more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: `id of ${key}`,
    scope: "s",
    key,
    bornAt: 1,
    token: 1,
    event: new TextEncoder().encode(key),
    error: { name: "Error", message: "no" },
    attempts: [],
    rounds: 1,
    firstFailedAt: 1,
    diedAt: 2,
    ...more,
  };
}

function rowsOf(path: string): number {
  const db = new Database(path, { readonly: true });
  const rows = db.prepare("SELECT COUNT(*) FROM hooklatch_letters").pluck().get() as number;
  db.close();
  return rows;
}

test("a pushed letter is there after a reopen, and a removed one stays away from a late push", async () => {
  const path = file("reopen.db");
  const first = sqliteDeadLetters(path);
  await first.push(letterOf("stays"));
  await first.push(letterOf("goes"));
  expect(await first.remove("id of goes", { bornAt: 1, token: 1 })).toBe(true);
  await first.close?.();
  const second = sqliteDeadLetters(path);
  await second.push(letterOf("goes"));
  expect((await second.list()).letters).toEqual([letterOf("stays")]);
  await second.close?.();
});

test("what is left of removed letters goes after a week, 20 with each push", async () => {
  let clock = 1_000;
  const path = file("tombstones.db");
  const letters = sqliteDeadLetters(path, { now: () => clock });
  for (let n = 0; n < 30; n++) await letters.remove(`id ${n}`, { bornAt: 1, token: 1 });
  clock += WEEK_MS - 1;
  await letters.push(letterOf("a"));
  expect(rowsOf(path)).toBe(31);
  clock += 1;
  await letters.push(letterOf("b"));
  expect(rowsOf(path)).toBe(12);
  await letters.push(letterOf("c"));
  expect(rowsOf(path)).toBe(3);
  await letters.close?.();
});

test("letters are found by an index where a scope is asked for", async () => {
  const path = file("index.db");
  await sqliteDeadLetters(path).close?.();
  const db = new Database(path);
  const plan = db
    .prepare(
      "EXPLAIN QUERY PLAN SELECT * FROM hooklatch_letters WHERE removed_at IS NULL AND scope = 's' AND arrival < 9 ORDER BY arrival DESC LIMIT 5",
    )
    .all() as { detail: string }[];
  expect(plan.map((step) => step.detail).join()).toContain("hooklatch_letters_scope (scope=? AND arrival<?)");
  db.close();
});

test("a letter that cannot be written down fails alone", async () => {
  const letters = sqliteDeadLetters(file("alone.db"));
  const circular = letterOf("circular");
  circular.error = { name: "Error", message: circular as never };
  const [bad, good] = await Promise.allSettled([letters.push(circular), letters.push(letterOf("good"))]);
  expect([bad.status, good.status]).toEqual(["rejected", "fulfilled"]);
  expect(await letters.count()).toBe(1);
  await letters.close?.();
});
