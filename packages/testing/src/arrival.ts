/** When a letter arrived: the queue's own time, which agrees with the order of arrival. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeadLetterQueue } from "@hooklatch/core";
import type { DeadLetterCases } from "./case.js";
import { letter } from "./letters.js";
import { ids } from "./paging.js";

/** When the letter arrived, as `get` and `list` say it. */
export async function arrivalOf(queue: DeadLetterQueue, id: string): Promise<number> {
  const got = await queue.get(id);
  assert.ok(got, "get found no such letter");
  const { letters } = await queue.list({ scope: got.scope, key: got.key });
  const listed = letters.find((one) => one.id === id);
  assert.ok(
    Number.isFinite(got.arrivedAt),
    `arrivedAt of get is ${got.arrivedAt}, expected ms since the epoch`,
  );
  assert.equal(listed?.arrivedAt, got.arrivedAt, "list and get differ about arrivedAt");
  return got.arrivedAt as number;
}

/** Lets the queue's clock go on by at least a millisecond. */
export const aMoment = (): Promise<void> => sleep(6);

export const arrivalCases: DeadLetterCases = {
  "arrivedAt: the time by the queue's clock, in ms, on every letter that it gives out (§7)": async (t) => {
    const [queue, other] = [await t.open(), await t.open()];
    // They died at the same time.
    const [first, second] = [letter(t), letter(t)];
    await queue.push(first);
    await sleep(30);
    await queue.push(second);
    const passed = (await arrivalOf(other, second.id)) - (await arrivalOf(queue, first.id));
    assert.ok(passed >= 15 && passed < 60_000, `${passed} ms passed between two arrivals, expected about 30`);
  },
  "arrivedAt: push ignores the one that it is given (§7)": async (t) => {
    const queue = await t.open();
    const one = letter(t, { arrivedAt: 1 });
    await queue.push(one);
    const arrivedAt = await arrivalOf(queue, one.id);
    assert.notEqual(arrivedAt, 1);
    await queue.push({ ...one, token: one.token + 1, arrivedAt: arrivedAt + 1_000_000 });
    assert.equal(await arrivalOf(queue, one.id), arrivedAt);
  },
  "arrivedAt: a newer version of a letter that is there keeps it, and its place (§7)": async (t) => {
    const queue = await t.open();
    const [first, second] = [letter(t), letter(t)];
    for (const one of [first, second]) await queue.push(one);
    const arrivedAt = await arrivalOf(queue, first.id);
    await aMoment();
    await queue.push({ ...first, token: first.token + 1, diedAt: first.diedAt + 1_000 });
    assert.equal((await queue.get(first.id))?.token, first.token + 1);
    assert.equal(await arrivalOf(queue, first.id), arrivedAt);
    assert.deepEqual(ids((await queue.list({ scope: t.scope })).letters), ids([second, first]));
  },
  "arrivedAt: a letter that comes back after its removal arrives anew (§7)": async (t) => {
    const queue = await t.open();
    const [first, second] = [letter(t), letter(t)];
    for (const one of [first, second]) await queue.push(one);
    const before = await arrivalOf(queue, first.id);
    await queue.remove(first.id);
    await aMoment();
    await queue.push({ ...first, token: first.token + 1 });
    assert.ok((await arrivalOf(queue, first.id)) > before, "it kept the time of its first arrival");
    assert.deepEqual(ids((await queue.list({ scope: t.scope })).letters), ids([first, second]));
  },
  "arrivedAt: never decreases along the order of arrival (§7)": async (t) => {
    const queues = [await t.open(), await t.open()] as const;
    // The later one arrives, the earlier it died.
    const letters = Array.from({ length: 12 }, (_, n) => letter(t, { diedAt: 1_700_000_000_000 - n }));
    for (const [n, one] of letters.entries()) {
      await queues[n % 2 ? 0 : 1].push(one);
      if (n % 4 === 0) await aMoment();
    }
    const listed = (await queues[0].list({ scope: t.scope })).letters.reverse();
    assert.deepEqual(ids(listed), ids(letters));
    const times = listed.map((one) => one.arrivedAt as number);
    assert.ok(times.every(Number.isFinite), `arrivedAt are ${times}`);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    );
  },
};
