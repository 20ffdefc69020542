/** Cases about letters: so many that only a part of them is looked at in one call, those of older versions, and the keys that are left. */
import assert from "node:assert/strict";
import {
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterQueue,
  foldText,
  textOf,
} from "@hooklatch/core";
import type { Given } from "./given.js";
import { letterOf } from "./requests.js";

const replaysOf = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ round: n + 2, at: n, replayId: `r${n}` }));

/** Letters of every kind; the later they arrive, the earlier they failed. */
function many(count: number): DeadLetter[] {
  return Array.from({ length: count }, (_, n) =>
    letterOf(`k${n}`, {
      scope: n % 3 ? "s" : "t",
      ...(n % 2 ? { tenant: "odd" } : n % 50 ? {} : { tenant: "rare" }),
      error: { name: n % 5 ? "Error" : "TypeError", message: `Message ÄÖ ${n % 7}` },
      firstFailedAt: 10_000 - n,
      diedAt: 20_000 - n,
      ...(n % 4 === 0 ? { replays: replaysOf(1 + (n % 3)) } : {}),
    }),
  );
}

function matches(q: DeadLetterQuery, one: DeadLetter): boolean {
  const replays = one.replays?.length ?? 0;
  const within = (at: number, from = 0, before = Number.POSITIVE_INFINITY) => at >= from && at < before;
  return (
    (q.scope ?? one.scope) === one.scope &&
    (q.tenant === undefined || q.tenant === one.tenant) &&
    (q.error ?? one.error.name) === one.error.name &&
    (q.errorText === undefined || textOf(one.error).includes(foldText(q.errorText))) &&
    within(one.firstFailedAt, q.firstFailedFrom, q.firstFailedBefore) &&
    within(one.diedAt, q.diedFrom, q.diedBefore) &&
    replays >= (q.minReplays ?? 0) &&
    replays <= (q.maxReplays ?? Number.POSITIVE_INFINITY)
  );
}

const QUERIES: DeadLetterQuery[] = [
  { errorText: "äö 3" },
  { scope: "t", errorText: "äö 3" },
  { tenant: "odd" },
  { tenant: "odd", scope: "t" },
  { tenant: "rare", scope: "t" },
  { tenant: "odd", error: "TypeError" },
  { tenant: "odd", errorText: "äö 1", minReplays: 0, maxReplays: 1 },
  // Few of them, and many of them; among the first and among the last that arrived.
  { diedBefore: 20_000 - 1_200 },
  { diedFrom: 19_970 },
  { diedFrom: 19_970, scope: "t" },
  { diedBefore: 19_970 },
  { firstFailedFrom: 9_500, firstFailedBefore: 9_520 },
  { firstFailedFrom: 9_500, firstFailedBefore: 9_600, diedFrom: 19_530, tenant: "odd" },
  { minReplays: 1 },
  { maxReplays: 0 },
  { minReplays: 3, errorText: "äö 2" },
  { minReplays: 4 },
];

async function expectFound(queue: DeadLetterQueue, all: readonly DeadLetter[], query: DeadLetterQuery) {
  const asked = JSON.stringify(query);
  const expected = all.filter((one) => matches(query, one)).map(({ id }) => id);
  const limit = expected.length < 200 ? 15 : 130;
  const found: string[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await queue.list({ ...query, limit, cursor });
    found.push(...page.letters.map(({ id }) => id));
    cursor = page.nextCursor;
    assert.ok(found.length <= expected.length, asked);
  }
  assert.deepEqual(found, expected.reverse(), asked);
  assert.equal(await queue.count(query), expected.length, `count of ${asked}`);
}

async function pushAll(queue: DeadLetterQueue, all: readonly DeadLetter[]): Promise<void> {
  await Promise.all(all.map((letter) => queue.push(letter)));
}

/** The queue as the version before these indexes left it. */
export async function forgetIndexes({ client, prefix }: Pick<Given, "client" | "prefix">): Promise<void> {
  for (const index of ["failed", "died", "replays", "texts", "tenant:*"]) {
    const keys = await client.keys(`${prefix}:*:${index}`);
    assert.ok(keys.length > 0, index);
    await client.del(...keys);
  }
}

export const letterCases: Record<string, (given: Given) => Promise<void>> = {
  "list: many letters, of which no index finds the right ones by itself": async ({ letters }) => {
    const all = many(1_250);
    await pushAll(letters, all);
    for (const query of QUERIES) await expectFound(letters, all, query);
    assert.equal((await letters.list({ limit: 1_000 })).letters.length, 1_000);
  },

  "list: letters of the version before are found like all others": async (given) => {
    const { letters } = given;
    const old = many(250).map(({ replays: _, ...letter }) => letter);
    await pushAll(letters, old);
    await forgetIndexes(given);
    const one = letterOf("new", { diedAt: 19_990, tenant: "odd" });
    await letters.push(one);
    const all = [...old, one];
    for (const query of QUERIES) {
      await expectFound(letters, all, query);
      if (query.scope === undefined) await forgetIndexes(given);
    }
  },

  "count: by one number alone, a newer version and a removed letter are not counted": async ({ letters }) => {
    const one = letterOf("k", { firstFailedAt: 10, diedAt: 20, tenant: "x" });
    await letters.push(one);
    await letters.push({
      ...one,
      tenant: "y",
      token: 2,
      firstFailedAt: 30,
      diedAt: 40,
      replays: replaysOf(1),
    });
    const counts = () =>
      Promise.all(
        [
          { firstFailedFrom: 0 },
          { diedFrom: 40 },
          { diedBefore: 40 },
          { minReplays: 1 },
          { tenant: "x" },
        ].map((query) => letters.count(query)),
      );
    assert.deepEqual(await counts(), [1, 1, 0, 1, 0]);
    await letters.remove(one.id);
    assert.deepEqual(await counts(), [0, 0, 0, 0, 0]);
  },

  "remove: of a letter nothing is left but its version": async ({ letters, client, prefix }) => {
    const full = letterOf("k", {
      tenant: "x",
      error: { name: "E", code: "C", message: "m" },
      replays: replaysOf(2),
      originalEvent: new Uint8Array([1]),
    });
    await letters.push(full);
    assert.equal(await letters.remove(full.id), true);
    const left = (await client.keys(`${prefix}:*`)).map((key) => key.slice(key.indexOf("}:") + 2));
    assert.deepEqual(left.sort(), ["last", `removed:${full.id}`]);
  },
};
