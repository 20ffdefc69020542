/** What the contract of dead letters cannot see from outside: what stays on disk, and for how long. */
import type { DeadLetter } from "@hooklatch/core";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
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
  expect((await second.list()).letters).toMatchObject([letterOf("stays")]);
  await second.close?.();
});

test("facets come and go with their letter, one row for each", async () => {
  const path = file("facets.db");
  const letters = sqliteDeadLetters(path);
  const db = new Database(path, { readonly: true });
  const facets = db.prepare("SELECT key, died_at FROM hooklatch_letter_facets ORDER BY arrival").raw();
  for (const key of ["a", "b", "c"]) await letters.push(letterOf(key));
  await letters.push(letterOf("a", { token: 2, diedAt: 9 }));
  await letters.remove("id of b");
  await letters.remove("id of c", { bornAt: 1, token: 1 });
  await letters.push(letterOf("b", { token: 2, diedAt: 5 }));
  expect(facets.all()).toEqual([
    ["a", 9],
    ["b", 5],
  ]);
  db.close();
  await letters.close?.();
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

test("a letter that cannot be written down fails alone", async () => {
  const letters = sqliteDeadLetters(file("alone.db"));
  const circular = letterOf("circular");
  circular.error = { name: "Error", message: circular as never };
  const [bad, good] = await Promise.allSettled([letters.push(circular), letters.push(letterOf("good"))]);
  expect([bad.status, good.status]).toEqual(["rejected", "fulfilled"]);
  expect(await letters.count()).toBe(1);
  await letters.close?.();
});

test("times of arrival stay in order when the clock steps back, also from another connection", async () => {
  let clock = 9_000;
  const path = file("clock.db");
  const open = () => sqliteDeadLetters(path, { now: () => clock, retentionMs: 100 });
  const [one, other] = [open(), open()];
  await one.push(letterOf("a"));
  clock = 5_000;
  await other.push(letterOf("b"));
  expect((await one.list()).letters.map(({ arrivedAt }) => arrivedAt)).toEqual([9_000, 9_000]);
  clock = 9_099;
  expect(await other.expired?.({ scope: "s", limit: 10 })).toEqual([]);
  clock = 9_100;
  expect(await other.expired?.({ scope: "s", limit: 10 })).toEqual(["id of a", "id of b"]);
  // Once those that came under the wrong clock are gone, it is right again.
  for (const key of ["a", "b"]) await one.remove(`id of ${key}`);
  clock = 6_000;
  await one.push(letterOf("c"));
  expect((await other.get("id of c"))?.arrivedAt).toBe(6_000);
  await Promise.all([one.close?.(), other.close?.()]);
});

test("limits that make no sense are refused, and the store knows none", async () => {
  const path = file("limits.db");
  const invalid = expect.objectContaining({ code: "invalid_option" });
  for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1" as never]) {
    expect(() => sqliteDeadLetters(path, { retentionMs: wrong })).toThrow(invalid);
    expect(() => sqliteDeadLetters(path, { maxLetters: wrong })).toThrow(invalid);
  }
  expect(() => sqliteDeadLetters(path, { maxLetters: 1.5 })).toThrow(invalid);
  expect(() => sqliteDeadLetters(path, { retention: 1 } as never)).toThrow(invalid);
  for (const limit of ["retentionMs", "maxLetters"]) {
    expect(() => sqliteStore(path, { [limit]: 1_000 })).toThrow(invalid);
  }
  const letters = sqliteDeadLetters(path, { retentionMs: 0.5, maxLetters: 1 });
  await expect(letters.expired?.({ scope: "s", limit: 0 })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  await letters.close?.();
});
