/** Finding dead letters: filters, order, and pages that hold still while letters come and go. */
import assert from "node:assert/strict";
import type { DeadLetter, DeadLetterQuery, DeadLetterQueue } from "@hooklatch/core";
import type { DeadLetterCase, DeadLetterCases } from "./case.js";
import { letter } from "./letters.js";

async function pushed(t: DeadLetterCase, queue: DeadLetterQueue, count: number): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for (let n = 0; n < count; n++) {
    // Neither the time of death nor the id tells the order of arrival.
    const one = letter(t, { diedAt: 1_700_000_000_000 + ((n * 7) % 5) });
    await queue.push(one);
    letters.push(one);
  }
  return letters;
}

/** The ids of page after page; `between` runs after each. */
export async function pages(
  queue: DeadLetterQueue,
  query: DeadLetterQuery,
  between: (page: DeadLetter[], n: number) => Promise<unknown> = async () => {},
): Promise<string[]> {
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < 50; n++) {
    const page = await queue.list({ ...query, cursor });
    assert.ok(page.letters.length <= (query.limit ?? 100), "a page over its limit");
    seen.push(...page.letters.map((one) => one.id));
    if (page.nextCursor === undefined) return seen;
    cursor = page.nextCursor;
    await between(page.letters, n);
  }
  return assert.fail("the pages do not end");
}

export const ids = (letters: readonly DeadLetter[]): string[] => letters.map((one) => one.id);

export const pagingCases: DeadLetterCases = {
  "list: newest arrival first, in pages of `limit` (§7)": async (t) => {
    const queue = await t.open();
    const letters = await pushed(t, queue, 7);
    const newestFirst = ids(letters).reverse();
    for (const limit of [1, 3, 6, 7, 8, undefined]) {
      assert.deepEqual(await pages(queue, { scope: t.scope, limit }), newestFirst, `limit ${limit}`);
    }
    const first = await queue.list({ scope: t.scope, limit: 3 });
    assert.equal(first.letters.length, 3);
    assert.notEqual(first.nextCursor, undefined);
    assert.equal(
      (await queue.list({ scope: t.scope, limit: 7 })).nextCursor,
      undefined,
      "the last page has a cursor",
    );
  },
  "list: letters that arrive between two pages do not shift the second (§7)": async (t) => {
    const queue = await t.open();
    const letters = await pushed(t, queue, 8);
    const seen = await pages(queue, { scope: t.scope, limit: 3 }, () => pushed(t, queue, 2));
    assert.deepEqual(seen, ids(letters).reverse());
  },
  "list: letters that are removed between two pages do not shift the second (§7)": async (t) => {
    const queue = await t.open();
    const letters = await pushed(t, queue, 9);
    const hidden = letters[1] as DeadLetter;
    const seen = await pages(queue, { scope: t.scope, limit: 2 }, async (page, n) => {
      // The one that the cursor points to; and one that was not shown yet.
      await queue.remove(page.at(-1)?.id ?? "");
      if (n === 0) await queue.remove(hidden.id);
    });
    assert.deepEqual(
      seen,
      ids(letters)
        .reverse()
        .filter((id) => id !== hidden.id),
    );
  },
  "list: a newer version of a letter that was shown is not shown twice (§7)": async (t) => {
    const queue = await t.open();
    const letters = await pushed(t, queue, 6);
    const seen = await pages(queue, { scope: t.scope, limit: 2 }, async (page) => {
      for (const one of page) await queue.push({ ...one, token: one.token + 1 });
    });
    assert.deepEqual(seen, ids(letters).reverse());
  },
  "list and count: by scope, tenant and key, and all of them together (§7)": async (t) => {
    const queue = await t.open();
    const parts = [
      { scope: t.scope, key: "a" },
      { scope: t.scope, key: "b", tenant: "x" },
      { scope: t.scope, key: "a", tenant: "x" },
      { scope: t.scope, key: "a", tenant: "y" },
      { scope: `${t.scope}2`, key: "a", tenant: "x" },
      { scope: t.scope, key: "A", tenant: "X" },
      { scope: t.scope, key: "%", tenant: "*" },
    ];
    const letters = parts.map((part) => letter(t, part));
    for (const one of letters) await queue.push(one);
    const asked: [DeadLetterQuery, number[]][] = [
      [{ scope: t.scope }, [6, 5, 3, 2, 1, 0]],
      [{ scope: `${t.scope}2` }, [4]],
      [{ scope: `${t.scope}3` }, []],
      [{ scope: t.scope, tenant: "x" }, [2, 1]],
      [{ scope: t.scope, tenant: "x", key: "a" }, [2]],
      [{ scope: t.scope, key: "a" }, [3, 2, 0]],
      [{ scope: t.scope, key: "%" }, [6]],
      [{ scope: t.scope, tenant: "z" }, []],
    ];
    for (const [query, found] of asked) {
      const expected = found.map((n) => letters[n]?.id);
      assert.deepEqual(ids((await queue.list(query)).letters), expected, JSON.stringify(query));
      assert.deepEqual(
        await pages(queue, { ...query, limit: 1 }),
        expected,
        `pages of ${JSON.stringify(query)}`,
      );
      assert.equal(await queue.count(query), expected.length, JSON.stringify(query));
    }
    assert.ok((await queue.count()) >= letters.length);
    assert.ok((await queue.list({ limit: 1_000 })).letters.length >= letters.length);
  },
};
