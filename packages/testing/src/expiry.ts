/** Letters that are over their queue's retention or maximum: named, oldest first, and left to whoever discards them. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeadLetter, DeadLetterQueue } from "@hooklatch/core";
import type { DeadLetterCase, DeadLetterCases } from "./case.js";
import { letter } from "./letters.js";
import { ids } from "./paging.js";

/** Longer than a case takes. */
const LONG_MS = 3_600_000;

async function pushed(t: DeadLetterCase, queue: DeadLetterQueue, count: number, scope = t.scope) {
  const letters: DeadLetter[] = [];
  for (let n = 0; n < count; n++) {
    // Neither the time of death nor the id tells the order of arrival.
    const one = letter(t, { scope, diedAt: 1_700_000_000_000 - n });
    await queue.push(one);
    letters.push(one);
  }
  return letters;
}

async function expired(queue: DeadLetterQueue, scope: string, limit = 100): Promise<string[]> {
  assert.ok(queue.expired, 'There is no expired(): say `without: ["expired"]`.');
  return queue.expired({ scope, limit });
}

export const expiryCases: DeadLetterCases = {
  "expired: nothing, where neither a retention nor a maximum is set (§7)": async (t) => {
    const queue = await t.open();
    await pushed(t, queue, 3);
    assert.deepEqual(await expired(queue, t.scope), []);
  },
  "expired: the letters of the scope that arrived longer ago than the retention, oldest first (§7)": async (
    t,
  ) => {
    const queue = await t.open({ retentionMs: 1 });
    const letters = await pushed(t, queue, 4);
    const others = await pushed(t, queue, 1, `${t.scope}2`);
    await sleep(10);
    assert.deepEqual(await expired(queue, t.scope), ids(letters));
    assert.deepEqual(await expired(queue, `${t.scope}2`), ids(others));
    assert.deepEqual(await expired(queue, `${t.scope}3`), []);
  },
  "expired: no letter that arrived within the retention, however long ago it died (§7)": async (t) => {
    const queue = await t.open({ retentionMs: LONG_MS });
    await pushed(t, queue, 3);
    assert.deepEqual(await expired(queue, t.scope), []);
  },
  "expired: by the time of each letter's own arrival (§7)": async (t) => {
    const retentionMs = 50;
    const queue = await t.open({ retentionMs });
    const [old] = await pushed(t, queue, 1);
    await sleep(retentionMs + 10);
    const from = performance.now();
    const [young] = await pushed(t, queue, 1);
    const found = await expired(queue, t.scope);
    const inTime = performance.now() - from < retentionMs - 10;
    // A machine that stood still in between proves nothing about the second.
    assert.deepEqual(inTime ? found : found.slice(0, 1), [old?.id]);
    assert.ok((await queue.get(young?.id ?? "")) !== undefined);
  },
  "expired: a newer version does not make a letter younger (§7)": async (t) => {
    const queue = await t.open({ retentionMs: 40 });
    const [one] = (await pushed(t, queue, 1)) as [DeadLetter];
    await sleep(50);
    await queue.push({ ...one, token: one.token + 1 });
    assert.deepEqual(await expired(queue, t.scope), [one.id]);
  },
  "expired: what is over the maximum, counted for each scope (§7)": async (t) => {
    const queue = await t.open({ maxLetters: 3 });
    const [letters, others, few] = [
      await pushed(t, queue, 5),
      await pushed(t, queue, 4, `${t.scope}2`),
      await pushed(t, queue, 3, `${t.scope}3`),
    ];
    assert.deepEqual(await expired(queue, t.scope), ids(letters.slice(0, 2)));
    assert.deepEqual(await expired(queue, `${t.scope}2`), ids(others.slice(0, 1)));
    assert.equal(few.length, 3);
    assert.deepEqual(await expired(queue, `${t.scope}3`), []);
    // A newer version is no further letter, and does not move.
    const [oldest] = letters as [DeadLetter];
    await queue.push({ ...oldest, token: oldest.token + 1 });
    assert.deepEqual(await expired(queue, t.scope), ids(letters.slice(0, 2)));
    await queue.remove(letters[4]?.id ?? "");
    assert.deepEqual(await expired(queue, t.scope), [oldest.id]);
  },
  "expired: what is over either of the two (§7)": async (t) => {
    const [scope, other] = [t.scope, `${t.scope}2`];
    const queue = await t.open({ retentionMs: LONG_MS, maxLetters: 2 });
    const letters = await pushed(t, queue, 3);
    await pushed(t, queue, 2, other);
    assert.deepEqual(await expired(queue, scope), ids(letters.slice(0, 1)));
    assert.deepEqual(await expired(queue, other), []);
  },
  "expired: all that is over the retention, though few are over the maximum (§7)": async (t) => {
    const queue = await t.open({ retentionMs: 1, maxLetters: 2 });
    const letters = await pushed(t, queue, 3);
    await sleep(10);
    assert.deepEqual(await expired(queue, t.scope), ids(letters));
  },
  "expired: at most `limit`, and the next ones once those are removed (§7)": async (t) => {
    const queue = await t.open({ maxLetters: 1 });
    const letters = await pushed(t, queue, 6);
    assert.deepEqual(await expired(queue, t.scope, 2), ids(letters.slice(0, 2)));
    for (const one of letters.slice(0, 2)) await queue.remove(one.id, one);
    assert.deepEqual(await expired(queue, t.scope, 2), ids(letters.slice(2, 4)));
    assert.deepEqual(await expired(queue, t.scope, 10), ids(letters.slice(2, 5)));
  },
  "expired: the queue itself removes nothing (§7)": async (t) => {
    const queue = await t.open({ retentionMs: 1, maxLetters: 1 });
    const letters = await pushed(t, queue, 3);
    await sleep(10);
    for (const _ of [1, 2]) assert.deepEqual(await expired(queue, t.scope), ids(letters));
    await pushed(t, queue, 1);
    assert.equal(await queue.count({ scope: t.scope }), 4);
    for (const { id } of letters) assert.equal((await queue.get(id))?.id, id);
  },
};
