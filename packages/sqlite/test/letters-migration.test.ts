/** A file that the first version of the letters' table wrote: what is found in it afterwards, and how. */
import { copyFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sqliteDeadLetters } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { scratch } from "./support.js";

const file = scratch("letters migration");
/**
 * Written by version 1, through `push` and `remove`. In the order of arrival: b (its second version, with another error), gone (removed),
 * c (of another scope), d, a (came back after its removal), e; and the removal of one that never came.
 */
const versionOne = fileURLToPath(new URL("./fixtures/letters-version-1.sqlite3", import.meta.url));

function versionOneFile(name: string): string {
  const path = file(name);
  copyFileSync(versionOne, path);
  return path;
}
const keys = (letters: readonly { key: string }[]) => letters.map(({ key }) => key).join("");

test("letters of version 1 keep their order and what they hold, and arrived when they died, in that order", async () => {
  const queue = sqliteDeadLetters(versionOneFile("kept.db"));
  const { letters } = await queue.list();
  expect(letters.map(({ key, diedAt, arrivedAt }) => [key, diedAt, arrivedAt])).toEqual([
    ["e", 2_000, 8_000],
    ["a", 8_000, 8_000],
    ["d", 6_000, 7_000],
    ["c", 7_000, 7_000],
    ["b", 4_000, 4_000],
  ]);
  const b = await queue.get("id of b");
  expect(b).toMatchObject({ scope: "s", tenant: "t", token: 2, rounds: 1, firstFailedAt: 3_999 });
  expect(b?.error).toEqual({ name: "RangeError", message: "again", code: "E_B" });
  expect(new TextDecoder().decode(b?.event)).toBe("event of b ".repeat(100));
  expect(await queue.get("id of gone")).toBeUndefined();
  await queue.close?.();
});

test("they are found by error and by time of arrival", async () => {
  const queue = sqliteDeadLetters(versionOneFile("found.db"));
  const found = async (query: object) => [keys((await queue.list(query)).letters), await queue.count(query)];
  expect(await found({ error: "TypeError" })).toEqual(["a", 1]);
  expect(await found({ error: "E_A" })).toEqual(["ac", 2]);
  expect(await found({ error: "E_A", scope: "s" })).toEqual(["a", 1]);
  expect(await found({ error: "RangeError" })).toEqual(["b", 1]);
  expect(await found({ error: "Error" })).toEqual(["ed", 2]);
  expect(await found({ arrivedFrom: 7_000 })).toEqual(["eadc", 4]);
  expect(await found({ arrivedFrom: 7_000, arrivedBefore: 8_000, scope: "s" })).toEqual(["d", 1]);
  await queue.close?.();
});

test("they are found by what newer letters are found by, and in the same way, and were never replayed", async () => {
  const path = versionOneFile("facets.db");
  // As version 1 would have written it: more than SQLite itself can fold.
  const db = new Database(path);
  const worded = db.prepare(
    "UPDATE hooklatch_letters SET details = json_set(details, '$.error.message', ?) WHERE key = 'd'",
  );
  worded.run("Zeitu\u0308berschreitung \u0000 \u00c4RGER");
  db.close();
  const queue = sqliteDeadLetters(path);
  const found = async (query: object) => [keys((await queue.list(query)).letters), await queue.count(query)];
  expect(await found({ errorText: "e_a" })).toEqual(["ac", 2]);
  expect(await found({ errorText: "rangeerror\ne_b\nAGAIN" })).toEqual(["b", 1]);
  expect(await found({ errorText: "ZEIT\u00dcBERSCHREITUNG \u0000 \u00e4rger" })).toEqual(["d", 1]);
  expect(await found({ diedFrom: 6_000, diedBefore: 8_000 })).toEqual(["dc", 2]);
  expect(await found({ firstFailedFrom: 3_999, firstFailedBefore: 4_000 })).toEqual(["b", 1]);
  expect(await found({ maxReplays: 0 })).toEqual(["eadcb", 5]);
  expect(await found({ minReplays: 1 })).toEqual(["", 0]);
  expect(await found({ tenant: "t", diedFrom: 0, key: "b" })).toEqual(["b", 1]);
  expect(await queue.get("id of b")).not.toHaveProperty("replays");
  expect(await queue.get("id of b")).not.toHaveProperty("originalEvent");
  await queue.close?.();
});

test("they expire, and a letter that comes next arrives after them, and is kept out if it was removed", async () => {
  const path = versionOneFile("goes on.db");
  const queue = sqliteDeadLetters(path, { now: () => 8_500, retentionMs: 1_000, maxLetters: 1 });
  const expired = (scope: string) => queue.expired?.({ scope, limit: 10 });
  expect(await expired("s")).toEqual(["id of b", "id of d", "id of a"]);
  expect(await expired("other")).toEqual(["id of c"]);
  const e = await queue.get("id of e");
  if (e === undefined) return expect.unreachable();
  for (const id of ["id of gone", "id of never"]) await queue.push({ ...e, id });
  await queue.push({ ...e, id: "id of next", key: "n" });
  const { letters } = await queue.list();
  expect(keys(letters)).toBe("neadcb");
  expect(letters[0]?.arrivedAt).toBe(8_500);
  await queue.close?.();
});

test("the file is brought up once, and is whole", async () => {
  const path = versionOneFile("whole.db");
  for (let open = 0; open < 2; open++) await sqliteDeadLetters(path).close?.();
  const db = new Database(path);
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(db.prepare("SELECT version FROM hooklatch_schema WHERE part = 'letters'").pluck().get()).toBe(3);
  const numbers = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'hooklatch_letters'").pluck();
  expect(numbers.get()).toBe(8);
  const rows = db.prepare(
    "SELECT arrived_at, error_name, error_code FROM hooklatch_letters WHERE removed_at IS NOT NULL",
  );
  expect(rows.all()).toEqual(Array(2).fill({ arrived_at: null, error_name: null, error_code: null }));
  const facets = db.prepare("SELECT arrival FROM hooklatch_letter_facets ORDER BY arrival").pluck();
  const letters = db.prepare(
    "SELECT arrival FROM hooklatch_letters WHERE removed_at IS NULL ORDER BY arrival",
  );
  expect(facets.all()).toEqual(letters.pluck().all());
  db.close();
});
