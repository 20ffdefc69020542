/** What a queue with many large letters costs: an index finds them, and only the letters that are given out are read. */
import type { DeadLetterQuery } from "@hooklatch/core";
import { sqliteDeadLetters } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { afterAll, describe, expect, test } from "vitest";
import { scratch } from "./support.js";

const db = new Database(scratch("letters index")("letters.db"));
afterAll(() => void db.close());
let prepared: string[] = [];
const spied = new Proxy(db, {
  get(target, name) {
    if (name === "prepare") {
      return (sql: string) => {
        prepared.push(sql);
        return target.prepare(sql);
      };
    }
    const value = Reflect.get(target, name, target) as unknown;
    return typeof value === "function" ? value.bind(target) : value;
  },
});
const queue = sqliteDeadLetters(spied, { retentionMs: 1_000, maxLetters: 10 });

/** The steps of SQLite's plan for what this call asks. */
async function planOf(ask: () => Promise<unknown> | undefined): Promise<string[]> {
  prepared = [];
  await ask();
  expect(prepared).toHaveLength(1);
  const statement = db.prepare(`EXPLAIN QUERY PLAN ${prepared[0]}`);
  // Every parameter there may be: one that is not in the statement is refused.
  const names = new Set((prepared[0] ?? "").match(/@\w+/g)?.map((name) => name.slice(1)));
  const params = Object.fromEntries([...names].map((name) => [name, 1]));
  return (statement.all(params) as { detail: string }[]).map(({ detail }) => detail);
}
const readsOf = (plan: string[]) => plan.filter((step) => step.includes("hooklatch_letter"));

const queries: DeadLetterQuery[] = [];
for (const scope of [undefined, "s"]) {
  for (const error of [undefined, "TypeError"]) {
    for (const time of [{}, { arrivedFrom: 1 }, { arrivedBefore: 9 }, { arrivedFrom: 1, arrivedBefore: 9 }]) {
      queries.push({ ...(scope && { scope }), ...(error && { error }), ...time });
    }
  }
}

describe.each(queries.map((query) => [JSON.stringify(query), query] as const))("%s", (_, query) => {
  test("list finds by an index, in the order of arrival, and reads a page of letters", async () => {
    const plan = await planOf(() => queue.list(query));
    expect(plan.join("; ")).not.toMatch(/TEMP B-TREE|SCAN hooklatch_letters/);
    const byRowid = /^SEARCH hooklatch_letters USING INTEGER PRIMARY KEY \(rowid/;
    const reads = readsOf(plan);
    expect(reads.filter((step) => /\(rowid=\?\)/.test(step))).toHaveLength(1);
    for (const step of reads) {
      if (!byRowid.test(step)) expect(step).toMatch(/^SEARCH hooklatch_letters USING COVERING INDEX/);
    }
    if (query.error) {
      expect(plan.join()).toMatch(/error_name=\? AND arrival/);
      expect(plan.join()).toMatch(/error_code=\? AND arrival/);
    }
    if (query.scope) expect(plan.join()).toMatch(/scope=\? AND (error_name=\? AND )?arrival/);
  });

  test("count reads an index alone", async () => {
    const plan = await planOf(() => queue.count(query));
    expect(plan.join()).not.toMatch(/TEMP B-TREE/);
    for (const step of readsOf(plan)) expect(step).toMatch(/USING COVERING INDEX/);
    const searched = Object.keys(query).length > 0;
    if (searched) expect(plan.join()).not.toMatch(/SCAN hooklatch_letters/);
  });
});

/** What no index of the letters finds. */
const facets: DeadLetterQuery[] = [
  { tenant: "t" },
  { errorText: "words" },
  { firstFailedFrom: 1, firstFailedBefore: 9 },
  { diedFrom: 1, diedBefore: 9 },
  { minReplays: 1, maxReplays: 3 },
  { tenant: "t", errorText: "words", firstFailedFrom: 1, diedBefore: 9, minReplays: 1 },
];
const looked: DeadLetterQuery[] = facets.flatMap((facet) =>
  [
    {},
    { scope: "s" },
    { error: "TypeError" },
    { scope: "s", error: "TypeError", arrivedFrom: 1, arrivedBefore: 9 },
  ].map((rest) => ({ ...facet, ...rest })),
);
/** The steps that read letters themselves, and not an index of theirs alone. */
const lettersRead = (plan: string[]) =>
  plan.filter((step) => /hooklatch_letters\b/.test(step) && !step.includes("COVERING INDEX"));
const PAGE = [expect.stringMatching(/^SEARCH hooklatch_letters USING INTEGER PRIMARY KEY \(rowid=\?\)/)];

describe.each(looked.map((query) => [JSON.stringify(query), query] as const))("%s", (_, query) => {
  test("list looks at facets from the cursor on, in the order of arrival, and reads a page of letters", async () => {
    const plan = await planOf(() => queue.list(query));
    expect(plan.join("; ")).not.toMatch(/TEMP B-TREE|SCAN hooklatch/);
    expect(lettersRead(plan)).toEqual(PAGE);
    expect(plan.filter((step) => step.includes("hooklatch_letter_facets"))).toEqual([
      expect.stringMatching(/^SEARCH hooklatch_letter_facets USING INTEGER PRIMARY KEY \(rowid[<>]/),
    ]);
  });

  test("count looks at facets, between the bounds of arrival, and reads no letter", async () => {
    const { diedFrom, diedBefore, ...others } = query;
    const plan = await planOf(() => queue.count(query));
    expect(plan.join()).not.toMatch(/TEMP B-TREE/);
    expect(lettersRead(plan)).toEqual([]);
    if (query.arrivedFrom) expect(plan.join()).not.toMatch(/SCAN hooklatch/);
    // The last failures alone have an index, which holds the scope, too.
    if (Object.keys(others).every((name) => name === "scope")) {
      expect(readsOf(plan)).toEqual([
        expect.stringMatching(
          /^SEARCH hooklatch_letter_facets USING COVERING INDEX hooklatch_letter_facets_died \(died_at[<>]/,
        ),
      ]);
    }
  });
});

describe.each([{}, ...looked].map((rest) => [JSON.stringify(rest), { ...rest, key: "k" }] as const))(
  "of one key, %s",
  (_, query) => {
    test.each(["list", "count"] as const)("%s looks at the facets of this key", async (verb) => {
      const plan = await planOf(() => queue[verb](query));
      expect(plan.join("; ")).not.toMatch(/TEMP B-TREE|SCAN hooklatch/);
      expect(lettersRead(plan)).toEqual(verb === "list" ? PAGE : []);
      expect(plan.join()).toMatch(/INDEX hooklatch_letter_facets_key \(key=\?/);
    });
  },
);

test("expired searches by scope and arrival, and reads no more than `limit` letters' ids", async () => {
  const plan = await planOf(() => queue.expired?.({ scope: "s", limit: 10 }));
  expect(plan.join("; ")).not.toMatch(/TEMP B-TREE|SCAN hooklatch_letters/);
  const [first, ...bounds] = readsOf(plan);
  expect(first).toContain("USING INDEX hooklatch_letters_scope (scope=? AND arrival<?)");
  for (const step of bounds) expect(step).toContain("USING COVERING INDEX");
});

test("a push looks for the last time of arrival in an index", async () => {
  const sql = prepared;
  prepared = [];
  const other = sqliteDeadLetters(spied);
  const inserts = prepared.filter((text) => /INSERT INTO hooklatch_letters/.test(text));
  prepared = sql;
  expect(inserts).not.toHaveLength(0);
  for (const text of inserts) {
    const names = new Set(text.match(/@\w+/g)?.map((name) => name.slice(1)));
    const params = Object.fromEntries([...names].map((name) => [name, 1]));
    const plan = (db.prepare(`EXPLAIN QUERY PLAN ${text}`).all(params) as { detail: string }[]).map(
      ({ detail }) => detail,
    );
    for (const step of readsOf(plan)) expect(step).toMatch(/USING COVERING INDEX hooklatch_letters_arrived/);
  }
  await other.close?.();
});
