/** Finding letters by the text of their error, by when they failed, and by how often they were replayed. */
import assert from "node:assert/strict";
import { type DeadLetter, type DeadLetterQuery, foldText, type ReplayRecord, textOf } from "@hooklatch/core";
import { bytes, ended, rejectsWith, sameBytes } from "./acts.js";
import type { DeadLetterCases } from "./case.js";
import { finds } from "./filters.js";
import { letter } from "./letters.js";
import { ids, pages } from "./paging.js";

const replaysOf = (count: number): ReplayRecord[] =>
  Array.from({ length: count }, (_, n) => ({ round: n + 2, at: 1_700_000_000_000 + n, replayId: `r${n}` }));

export const facetCases: DeadLetterCases = {
  "push: keeps the history of replays, and the event as it came (§3 replays)": async (t) => {
    const [queue, other] = [await t.open(), await t.open()];
    const replays: ReplayRecord[] = [
      {
        round: 2,
        at: 1_700_000_000_001,
        replayId: "a",
        by: 'ann "é"\u0000',
        note: "x\ny",
        changed: ["/a~1b", ""],
      },
      { round: 4, at: 1_700_000_000_002, replayId: "b" },
    ];
    const originalEvent = new Uint8Array(512).map((_, n) => n % 256);
    const edited = letter(t, { replays, originalEvent });
    const empty = letter(t, { replays: [], originalEvent: new Uint8Array(0) });
    const plain = letter(t);
    for (const one of [edited, empty, plain]) await queue.push(one);
    const listed = (await other.list({ scope: t.scope })).letters.reverse();
    for (const [n, one] of [edited, empty, plain].entries()) {
      for (const found of [listed[n], await other.get(one.id)]) {
        assert.deepEqual(found?.replays, one.replays);
        if (one.originalEvent === undefined) assert.ok(found !== undefined && !("originalEvent" in found));
        else sameBytes(found?.originalEvent, one.originalEvent, "originalEvent");
        sameBytes(found?.event, one.event, "event");
      }
    }
    // A newer version has what it was pushed with, and nothing of the older one.
    const { replays: _, originalEvent: _o, ...newer } = edited;
    await queue.push({ ...newer, token: edited.token + 1, event: bytes("newer") });
    const found = await other.get(edited.id);
    assert.deepEqual([found?.replays, found?.originalEvent], [undefined, undefined]);
  },
  "list and count: by a text in the name, the code or the message, in any case (§7)": async (t) => {
    const queue = await t.open();
    const errors = [
      { name: "TypeError", message: "Cannot read properties of undefined (reading 'id')" },
      { name: "Error", message: "Zeitüberschreitung: ÄRGER 100%_sure [x] \\ \u0000 end", code: "ETIMEDOUT" },
      { name: "HooklatchError", message: "503 from mail.example", code: "handler_status" },
      { name: "Error", message: `${"x".repeat(1_500)} THE END` },
    ];
    // Of an earlier attempt: it is not what the letter died of.
    const attempts = [ended(1, "nowhere")];
    const letters = errors.map((error) => letter(t, { error, attempts }));
    for (const one of letters) await queue.push(one);
    const asked: [string, number[]][] = [
      ["typeerror", [0]],
      ["READING 'ID'", [0]],
      ["etimedout", [1]],
      ["ärger", [1]],
      ["zeitÜ", [1]],
      ["100%_sure", [1]],
      ["[x] \\", [1]],
      ["\u0000 end", [1]],
      ["%", [1]],
      ["*", []],
      [".", [2]],
      ["error\nhandler", [2]],
      ["error", [0, 1, 2, 3]],
      ["the end", [3]],
      ["nowhere", []],
    ];
    for (const [errorText, found] of asked) {
      const expected = found.map((n) => letters[n] as DeadLetter);
      await finds(queue, { scope: t.scope, errorText }, expected);
    }
  },
  "list and count: by the first and the last failure, and by the number of replays (§7)": async (t) => {
    const queue = await t.open();
    const base = 1_700_000_000_000;
    const letters = Array.from({ length: 6 }, (_, n) =>
      letter(t, {
        firstFailedAt: base + n * 10,
        diedAt: base + 1_000 - n * 10,
        ...(n % 3 === 0 ? {} : { replays: replaysOf(n % 3) }),
      }),
    );
    for (const one of letters) await queue.push(one);
    const of = (matches: (one: DeadLetter, replays: number) => boolean) =>
      letters.filter((one) => matches(one, one.replays?.length ?? 0));
    for (const at of [0, base, base + 10, base + 25, base + 960, base + 1_000, base + 1_001]) {
      await finds(
        queue,
        { scope: t.scope, firstFailedFrom: at },
        of((one) => one.firstFailedAt >= at),
      );
      await finds(
        queue,
        { scope: t.scope, firstFailedBefore: at },
        of((one) => one.firstFailedAt < at),
      );
      await finds(
        queue,
        { scope: t.scope, diedFrom: at },
        of((one) => one.diedAt >= at),
      );
      await finds(
        queue,
        { scope: t.scope, diedBefore: at },
        of((one) => one.diedAt < at),
      );
    }
    for (const replays of [0, 1, 2, 3]) {
      await finds(
        queue,
        { scope: t.scope, minReplays: replays },
        of((_, has) => has >= replays),
      );
      await finds(
        queue,
        { scope: t.scope, maxReplays: replays },
        of((_, has) => has <= replays),
      );
      await finds(
        queue,
        { scope: t.scope, minReplays: replays, maxReplays: replays },
        of((_, has) => has === replays),
      );
    }
  },
  "list and count: these filters together with each other, and with all others (§7)": async (t) => {
    const queue = await t.open();
    const base = 1_700_000_000_000;
    const letters: DeadLetter[] = [];
    for (let n = 0; n < 24; n++) {
      const one = letter(t, {
        key: `key ${n % 4}`,
        ...(n % 2 ? { tenant: "x" } : {}),
        error: { name: n % 3 ? "Error" : "TypeError", message: `message ${n % 5}`, code: `E${n % 2}` },
        firstFailedAt: base + n,
        diedAt: base + 100 - n,
        replays: replaysOf(n % 3),
      });
      await queue.push(one);
      letters.push({ ...one, arrivedAt: (await queue.get(one.id))?.arrivedAt });
    }
    const matches = (q: DeadLetterQuery) => (one: DeadLetter) =>
      (q.tenant === undefined || q.tenant === one.tenant) &&
      (q.key ?? one.key) === one.key &&
      (q.error === undefined || q.error === one.error.name || q.error === one.error.code) &&
      (q.errorText === undefined || textOf(one.error).includes(foldText(q.errorText))) &&
      one.firstFailedAt >= (q.firstFailedFrom ?? 0) &&
      one.diedAt < (q.diedBefore ?? Number.POSITIVE_INFINITY) &&
      (one.replays?.length ?? 0) >= (q.minReplays ?? 0) &&
      (one.arrivedAt as number) >= (q.arrivedFrom ?? 0);
    const parts: DeadLetterQuery[] = [
      { tenant: "x" },
      { key: "key 1" },
      { error: "E1" },
      { errorText: "MESSAGE 2" },
      { firstFailedFrom: base + 6 },
      { diedBefore: base + 90 },
      { minReplays: 1 },
      { arrivedFrom: letters[4]?.arrivedAt },
    ];
    for (const [n, one] of parts.entries()) {
      for (const another of parts.slice(n)) {
        const query = { scope: t.scope, ...one, ...another };
        await finds(queue, query, letters.filter(matches(query)));
      }
    }
    const all = Object.assign({ scope: t.scope }, ...parts.slice(3)) as DeadLetterQuery;
    await finds(queue, all, letters.filter(matches(all)));
  },
  "list and count: a newer version is found by what it says, and no longer by the old one (§7, facets)":
    async (t) => {
      const queue = await t.open();
      const one = letter(t, { error: { name: "E", message: "old words" }, firstFailedAt: 10, diedAt: 20 });
      await queue.push(one);
      const newer = {
        ...one,
        token: one.token + 1,
        error: { name: "E", message: "new words" },
        firstFailedAt: 11,
        diedAt: 30,
        replays: replaysOf(1),
      };
      const { scope } = t;
      const byTheOld = [
        { errorText: "old" },
        { firstFailedBefore: 11 },
        { diedBefore: 30 },
        { maxReplays: 0 },
      ];
      for (const query of byTheOld) await finds(queue, { scope, ...query }, [one]);
      await queue.push(newer);
      for (const query of byTheOld) await finds(queue, { scope, ...query }, []);
      for (const query of [
        { errorText: "new" },
        { firstFailedFrom: 11 },
        { diedFrom: 30 },
        { minReplays: 1 },
      ])
        await finds(queue, { scope, ...query }, [newer]);
      await queue.remove(one.id);
      for (const query of [{ errorText: "new" }, { diedFrom: 0 }, { minReplays: 0 }])
        await finds(queue, { scope, ...query }, []);
    },
  "list: pages of these filters hold still while letters come and go (§7)": async (t) => {
    const queue = await t.open();
    const push = async (n: number): Promise<DeadLetter> => {
      const one = letter(t, {
        error: { name: "Error", message: n % 2 ? "wanted" : "another" },
        replays: replaysOf(n % 3),
      });
      await queue.push(one);
      return one;
    };
    const letters: DeadLetter[] = [];
    for (let n = 0; n < 18; n++) letters.push(await push(n));
    const wanted = letters.filter((one) => one.error.message === "wanted" && one.replays?.length !== 2);
    const hidden = wanted[1] as DeadLetter;
    const query = { scope: t.scope, errorText: "WANTED", maxReplays: 1, diedFrom: 0, limit: 2 };
    const seen = await pages(queue, query, async (page, n) => {
      for (const more of [0, 1, 2, 3]) await push(more);
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
  "list and count: a text, a time or a number that makes no sense is rejected as invalid_argument (§7)":
    async (t) => {
      const queue = await t.open();
      await queue.push(letter(t));
      const wrong: Record<string, unknown[]> = {
        errorText: ["", "x".repeat(201), 5, null],
        firstFailedFrom: [Number.NaN, -1, "1", null],
        firstFailedBefore: [Number.POSITIVE_INFINITY],
        diedFrom: [-1],
        diedBefore: [Number.NaN],
        minReplays: [-1, 1.5, "1", null],
        maxReplays: [Number.NaN, -1],
      };
      for (const [name, values] of Object.entries(wrong)) {
        for (const value of values) {
          const query = { scope: t.scope, [name]: value };
          await rejectsWith("invalid_argument", () => queue.list(query), `list, ${name} ${value}`);
          await rejectsWith("invalid_argument", () => queue.count(query), `count, ${name} ${value}`);
        }
      }
    },
};
