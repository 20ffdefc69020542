/** Dead letters: one for each operation, the newest version of it, and none that comes back after its removal. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DeadLetter } from "@hooklatch/core";
import { bytes, ended, rejectsWith, sameBytes } from "./acts.js";
import type { DeadLetterCase, DeadLetterCases } from "./case.js";

/** A new letter in the case's scope. */
export function letter(t: DeadLetterCase, change: Partial<DeadLetter> = {}): DeadLetter {
  const made: DeadLetter = {
    id: `${randomUUID()}${randomUUID()}`.replaceAll("-", ""),
    scope: t.scope,
    key: randomUUID(),
    bornAt: 1_700_000_000_000,
    token: 3,
    event: bytes("the event"),
    error: { name: "Error", message: "it failed" },
    attempts: [ended(1)],
    rounds: 1,
    firstFailedAt: 1_700_000_000_100,
    diedAt: 1_700_000_000_200,
    ...change,
  };
  t.made(made.id);
  return made;
}

/** The same as it was pushed, without its properties that are `undefined`, and with an event that can be compared. */
function plain(one: DeadLetter | undefined): unknown {
  return JSON.parse(JSON.stringify({ ...one, arrivedAt: undefined, event: one && [...one.event] }));
}

export const letterCases: DeadLetterCases = {
  "push: keeps every field of the letter, and its event byte for byte (§7)": async (t) => {
    const [queue, other] = [await t.open(), await t.open()];
    const event = new Uint8Array(4_096).map((_, n) => (n * 7) % 256);
    const full = letter(t, {
      tenant: "a:tenant \u0000 e\u0301 \u{1f600}",
      key: "__proto__",
      event,
      error: {
        name: "TypeError",
        message: "x is \u0000 undefined",
        code: "E_X",
        stack: "TypeError\n    at y",
      },
      attempts: [
        { ...ended(1), round: 1, owner: "owner 1" },
        { ...ended(2), round: 1 },
        { ...ended(1), round: 2 },
      ],
      rounds: 2,
    });
    const small = letter(t, { attempts: [], event: new Uint8Array(0) });
    await queue.push(full);
    await queue.push(small);
    for (const one of [full, small]) {
      const found = await other.get(one.id);
      sameBytes(found?.event, one.event, "event");
      assert.deepEqual(plain(found), plain(one));
      const listed = (await other.list({ scope: t.scope })).letters.find(({ id }) => id === one.id);
      sameBytes(listed?.event, one.event, "event");
      assert.deepEqual(plain(listed), plain(one));
    }
  },
  "push: a letter may be changed once the call has ended, on both sides (§7)": async (t) => {
    const queue = await t.open();
    const one = letter(t);
    const before = plain(one);
    await queue.push(one);
    one.event.fill(0);
    one.attempts.length = 0;
    one.error.message = "changed";
    const found = await queue.get(one.id);
    found?.event.fill(1);
    found?.attempts.push(ended(9));
    assert.deepEqual(plain(await queue.get(one.id)), before);
  },
  "push: twice is one letter, also from many at once (§3 burying)": async (t) => {
    const queues = [await t.open(), await t.open()] as const;
    const one = letter(t);
    await queues[0].push(one);
    await queues[1].push(one);
    await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 ? queues[0] : queues[1]).push(one)));
    assert.equal(await queues[0].count({ scope: t.scope }), 1);
    assert.deepEqual(plain(await queues[1].get(one.id)), plain(one));
    const { letters, nextCursor } = await queues[0].list({ scope: t.scope });
    assert.deepEqual([letters.length, nextCursor], [1, undefined]);
  },
  "push: the newest token stays, in whatever order they come (§7)": async (t) => {
    const queue = await t.open();
    for (const tokens of [
      [3, 9, 10],
      [10, 9, 3],
      [9, 10, 3],
    ]) {
      const one = letter(t);
      for (const token of tokens)
        await queue.push({ ...one, token, error: { name: "Error", message: `${token}` } });
      const found = await queue.get(one.id);
      assert.deepEqual([found?.token, found?.error.message], [10, "10"]);
    }
    assert.equal(await queue.count({ scope: t.scope }), 3);
  },
  "push: the newest life of the operation stays, though its token be smaller (§7)": async (t) => {
    const queue = await t.open();
    for (const newestFirst of [true, false]) {
      const old = letter(t, { token: 8 });
      const young = { ...old, bornAt: old.bornAt + 1, token: 2, rounds: 5 };
      for (const one of newestFirst ? [young, old] : [old, young]) await queue.push(one);
      assert.deepEqual(plain(await queue.get(old.id)), plain(young));
    }
  },
  "remove: of a letter, once; of an unknown one it is false (§7)": async (t) => {
    const [queue, other] = [await t.open(), await t.open()];
    const [one, another] = [letter(t), letter(t)];
    await queue.push(one);
    await queue.push(another);
    assert.equal(await other.remove(one.id), true);
    assert.equal(await queue.remove(one.id), false);
    assert.equal(await queue.remove(letter(t).id), false);
    assert.equal(await queue.get(one.id), undefined);
    assert.equal(await queue.count({ scope: t.scope }), 1);
    assert.deepEqual(
      (await queue.list({ scope: t.scope })).letters.map(({ id }) => id),
      [another.id],
    );
  },
  "remove: not if the letter is newer than `upTo` (§7)": async (t) => {
    const queue = await t.open();
    const one = letter(t, { token: 5 });
    await queue.push(one);
    assert.equal(await queue.remove(one.id, { bornAt: one.bornAt, token: 4 }), false);
    assert.equal(await queue.remove(one.id, { bornAt: one.bornAt - 1, token: 99 }), false);
    assert.deepEqual(plain(await queue.get(one.id)), plain(one));
    assert.equal(await queue.remove(one.id, { bornAt: one.bornAt, token: 6 }), true);
    assert.equal(await queue.get(one.id), undefined);
  },
  "remove: keeps out a push of that version, or an older one, that comes late (§3 burying)": async (t) => {
    const queue = await t.open();
    // With the letter there, and before it ever came.
    for (const there of [true, false]) {
      const one = letter(t, { token: 5 });
      if (there) await queue.push(one);
      assert.equal(await queue.remove(one.id, { bornAt: one.bornAt, token: 6 }), there);
      await queue.push(one);
      await queue.push({ ...one, token: 6 });
      await queue.push({ ...one, bornAt: one.bornAt - 1, token: 50 });
      assert.equal(await queue.get(one.id), undefined);
      assert.equal(await queue.count({ scope: t.scope }), 0);
      assert.deepEqual((await queue.list({ scope: t.scope })).letters, []);
      // A removal of less does not open the door again.
      await queue.remove(one.id, { bornAt: one.bornAt, token: 2 });
      await queue.push({ ...one, token: 4 });
      assert.equal(await queue.get(one.id), undefined);
    }
  },
  "remove: a push of a newer version comes in after it (§3 burying)": async (t) => {
    const queue = await t.open();
    for (const newer of [
      { bornAt: 0, token: 7 },
      { bornAt: 1, token: 1 },
    ]) {
      const one = letter(t, { token: 5 });
      await queue.push(one);
      await queue.remove(one.id, { bornAt: one.bornAt, token: 6 });
      const next = { ...one, bornAt: one.bornAt + newer.bornAt, token: newer.token };
      await queue.push(next);
      assert.deepEqual(plain(await queue.get(one.id)), plain(next));
    }
    const one = letter(t);
    await queue.push(one);
    await queue.remove(one.id);
    await queue.push({ ...one, token: one.token + 1 });
    assert.equal((await queue.get(one.id))?.token, one.token + 1);
    assert.equal(await queue.count({ scope: t.scope }), 3);
  },
  "push: says which newer version keeps it out, of a letter that is there or that was removed (§3 burying)":
    async (t) => {
      const queue = await t.open();
      for (const there of [true, false]) {
        const one = letter(t, { token: 5 });
        assert.equal(await queue.push(one), undefined);
        const version = { bornAt: one.bornAt + 1, token: 3 };
        if (there) assert.equal(await queue.push({ ...one, ...version }), undefined);
        else await queue.remove(one.id, version);
        assert.deepEqual(await queue.push(one), version);
        assert.deepEqual(await queue.push({ ...one, ...version, token: 2 }), version);
        // This version itself is no newer one.
        assert.equal(await queue.push({ ...one, ...version }), undefined);
        assert.equal(await queue.push({ ...one, ...version, token: 4 }), undefined);
      }
    },
  "push: a letter from elsewhere changes none that is there, and restored it is kept out by none that was removed (§3 burying)":
    async (t) => {
      const queue = await t.open();
      const one = letter(t, { token: 5 });
      for (const as of ["import", "restore"] as const) {
        const came = letter(t);
        assert.equal(await queue.push(came, { as }), undefined);
        assert.deepEqual(plain(await queue.get(came.id)), plain(came));
        for (const other of [{ token: 99 }, { bornAt: came.bornAt + 1 }, { bornAt: came.bornAt - 1 }, {}]) {
          await queue.push({ ...came, ...other, rounds: 77 }, { as });
          assert.deepEqual(plain(await queue.get(came.id)), plain(came));
        }
        const older = { ...came, bornAt: came.bornAt - 1 };
        assert.deepEqual(await queue.push(older, { as }), { bornAt: came.bornAt, token: came.token });
      }
      const grave = { bornAt: one.bornAt + 10, token: 6 };
      await queue.push(one);
      await queue.remove(one.id, grave);
      assert.deepEqual(await queue.push(one, { as: "import" }), grave);
      assert.equal(await queue.get(one.id), undefined);
      assert.equal(await queue.push(one, { as: "restore" }), undefined);
      assert.deepEqual(plain(await queue.get(one.id)), plain(one));
      // From now on it is a letter as any other.
      await queue.push({ ...one, token: 4 });
      assert.equal((await queue.get(one.id))?.token, 5);
      await queue.push({ ...one, token: 6 });
      assert.equal((await queue.get(one.id))?.token, 6);
      assert.equal(await queue.remove(one.id, { bornAt: one.bornAt, token: 6 }), true);
      await queue.push(one);
      assert.equal(await queue.get(one.id), undefined);
    },
  "list: a limit or cursor that makes no sense is rejected as invalid_argument (§7)": async (t) => {
    const queue = await t.open();
    await queue.push(letter(t));
    for (const limit of [0, -1, 1.5, Number.NaN, 1_001]) {
      await rejectsWith("invalid_argument", () => queue.list({ scope: t.scope, limit }), `limit ${limit}`);
    }
    await rejectsWith(
      "invalid_argument",
      () => queue.list({ scope: t.scope, cursor: "no cursor!" }),
      "cursor",
    );
    assert.equal((await queue.list({ scope: t.scope, limit: 1_000 })).letters.length, 1);
  },
};
