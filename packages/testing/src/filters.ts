/** Finding letters by what went wrong and by when they arrived, alone and together with everything else. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DeadLetter, DeadLetterQuery, DeadLetterQueue } from "@hooklatch/core";
import { ended, rejectsWith } from "./acts.js";
import { aMoment, arrivalOf } from "./arrival.js";
import type { DeadLetterCases } from "./case.js";
import { letter } from "./letters.js";
import { ids, pages } from "./paging.js";

/** The query finds these and no others, newest first: in one page, in many, and as a number. */
export async function finds(
  queue: DeadLetterQueue,
  query: DeadLetterQuery,
  expected: readonly DeadLetter[],
): Promise<void> {
  const asked = JSON.stringify(query);
  const newestFirst = ids(expected).reverse();
  assert.deepEqual(ids((await queue.list(query)).letters), newestFirst, asked);
  assert.deepEqual(await pages(queue, { ...query, limit: 2 }), newestFirst, `pages of ${asked}`);
  assert.equal(await queue.count(query), expected.length, `count of ${asked}`);
}

const earlier = (name: string) => [{ ...ended(1), error: { name, message: "an earlier attempt" } }, ended(2)];

export const filterCases: DeadLetterCases = {
  "list and count: by exactly the name or the code of the last error (§7)": async (t) => {
    const queue = await t.open();
    const errors: Pick<DeadLetter, "error" | "attempts">[] = [
      { error: { name: "TypeError", message: "a" }, attempts: [] },
      { error: { name: "HooklatchError", message: "b", code: "handler_status" }, attempts: [] },
      { error: { name: "handler_status", message: "c", code: "503" }, attempts: [] },
      // Found once, though both are it.
      { error: { name: "EBOTH", message: "d", code: "EBOTH" }, attempts: [] },
      { error: { name: "TypeErrors", message: "TypeError" }, attempts: earlier("TypeError") },
      { error: { name: "typeerror", message: "e", code: "HANDLER_STATUS" }, attempts: [] },
    ];
    const letters = errors.map((one) => letter(t, one));
    for (const one of letters) await queue.push(one);
    const asked: [string, number[]][] = [
      ["TypeError", [0]],
      ["HooklatchError", [1]],
      ["handler_status", [1, 2]],
      ["503", [2]],
      ["EBOTH", [3]],
      ["Error", []],
      ["*", []],
      ["%", []],
      ["", []],
    ];
    for (const [error, found] of asked) {
      await finds(
        queue,
        { scope: t.scope, error },
        found.map((n) => letters[n] as DeadLetter),
      );
    }
  },
  "list and count: a newer version is found by its own error, and no longer by the old one (§7)": async (
    t,
  ) => {
    const queue = await t.open();
    const one = letter(t, { error: { name: "OldError", message: "a", code: "E_OLD" } });
    await queue.push(one);
    for (const error of ["OldError", "E_OLD"]) await finds(queue, { scope: t.scope, error }, [one]);
    await queue.push({
      ...one,
      token: one.token + 1,
      error: { name: "NewError", message: "b", code: "E_NEW" },
    });
    for (const error of ["OldError", "E_OLD"]) await finds(queue, { scope: t.scope, error }, []);
    for (const error of ["NewError", "E_NEW"]) await finds(queue, { scope: t.scope, error }, [one]);
    await queue.remove(one.id);
    for (const error of ["NewError", "E_NEW"]) await finds(queue, { scope: t.scope, error }, []);
  },
  "list and count: from a time of arrival, and before another one (§7)": async (t) => {
    const queue = await t.open();
    const letters: DeadLetter[] = [];
    const times: number[] = [];
    for (let n = 0; n < 6; n++) {
      const one = letter(t, { diedAt: 1_700_000_000_000 - n });
      await queue.push(one);
      letters.push(one);
      times.push(await arrivalOf(queue, one.id));
      if (n % 2) await aMoment();
    }
    const [first, last] = [times[0] as number, times[5] as number];
    assert.ok(last > first, "all letters have one time of arrival");
    for (const arrivedFrom of [undefined, 0, ...times, last + 1]) {
      for (const arrivedBefore of [undefined, 0, ...times, last + 1]) {
        const expected = letters.filter((_, n) => {
          const at = times[n] as number;
          return at >= (arrivedFrom ?? at) && at < (arrivedBefore ?? at + 1);
        });
        await finds(queue, { scope: t.scope, arrivedFrom, arrivedBefore }, expected);
      }
    }
  },
  "list and count: by all filters together (§7)": async (t) => {
    const queue = await t.open();
    // Random, so that it can be asked for without a scope.
    const [name, code] = [`E-${randomUUID()}`, `C-${randomUUID()}`];
    const errors = [
      { name, message: "a", code },
      { name: code, message: "b" },
      { name: "Error", message: "c" },
    ];
    const letters: DeadLetter[] = [];
    for (let n = 0; n < 24; n++) {
      const [scope, tenant] = [n % 2 ? t.scope : `${t.scope}2`, n % 4 < 2 ? "x" : undefined];
      const one = letter(t, { scope, tenant, key: `${n % 5}`, error: errors[n % 3] as DeadLetter["error"] });
      await queue.push(one);
      letters.push({ ...one, arrivedAt: await arrivalOf(queue, one.id) });
      if (n % 6 === 5) await aMoment();
    }
    const matches = (q: DeadLetterQuery) => (one: DeadLetter) =>
      (q.scope ?? one.scope) === one.scope &&
      (q.tenant === undefined || q.tenant === one.tenant) &&
      (q.key ?? one.key) === one.key &&
      (q.error === undefined || q.error === one.error.name || q.error === one.error.code) &&
      (q.arrivedFrom ?? 0) <= (one.arrivedAt as number) &&
      (one.arrivedAt as number) < (q.arrivedBefore ?? Number.POSITIVE_INFINITY);
    const [arrivedFrom, arrivedBefore] = [letters[7]?.arrivedAt, letters[19]?.arrivedAt];
    for (const scope of [t.scope, `${t.scope}2`]) {
      for (const error of [name, code, undefined]) {
        for (const rest of [{}, { tenant: "x" }, { key: "1" }, { tenant: "x", key: "0" }]) {
          for (const query of [{}, { arrivedFrom }, { arrivedBefore }, { arrivedFrom, arrivedBefore }]) {
            const all = { scope, error, ...rest, ...query };
            await finds(queue, all, letters.filter(matches(all)));
          }
        }
      }
    }
    for (const query of [{}, { tenant: "x" }, { arrivedFrom, arrivedBefore }]) {
      const all = { error: code, ...query };
      await finds(queue, all, letters.filter(matches(all)));
    }
  },
  "list: pages of a filter hold still while letters come and go (§7)": async (t) => {
    const queue = await t.open();
    const errors = [
      { name: "Wanted", message: "by name" },
      { name: "Error", message: "by code", code: "Wanted" },
      { name: "Error", message: "not wanted" },
    ];
    const push = async (n: number): Promise<DeadLetter> => {
      const one = letter(t, { error: errors[n % 3] as DeadLetter["error"] });
      await queue.push(one);
      return one;
    };
    const letters: DeadLetter[] = [];
    for (let n = 0; n < 15; n++) letters.push(await push(n));
    const wanted = letters.filter((_, n) => n % 3 !== 2);
    const hidden = wanted[1] as DeadLetter;
    const query = { scope: t.scope, error: "Wanted", arrivedFrom: 0, limit: 3 };
    const seen = await pages(queue, query, async (page, n) => {
      for (const more of [0, 1, 2]) await push(more);
      await queue.remove(page.at(-1)?.id ?? "");
      if (n === 0) await queue.remove(hidden.id);
    });
    assert.deepEqual(
      seen,
      ids(wanted)
        .reverse()
        .filter((id) => id !== hidden.id),
    );
  },
  "list and count: a time that makes no sense is rejected as invalid_argument (§7)": async (t) => {
    const queue = await t.open();
    await queue.push(letter(t));
    for (const bound of ["arrivedFrom", "arrivedBefore"]) {
      for (const at of [Number.NaN, Number.POSITIVE_INFINITY, -1, "1700000000000", new Date(), null]) {
        const query = { scope: t.scope, [bound]: at };
        await rejectsWith("invalid_argument", () => queue.list(query), `list, ${bound} ${at}`);
        await rejectsWith("invalid_argument", () => queue.count(query), `count, ${bound} ${at}`);
      }
    }
    await finds(queue, { scope: t.scope, arrivedBefore: 0.5 }, []);
  },
};
