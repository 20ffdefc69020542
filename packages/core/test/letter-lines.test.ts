/** Export and import: nothing is lost on the way, and nothing that is wrong comes in. */
import {
  type DeadLetter,
  discard,
  importLetter,
  letterFromLine,
  letterToLine,
  replay,
} from "@hooklatch/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bury, unbury } from "../src/burial.js";
import { bury1, failDue, systems } from "./support/letters.js";
import { codeOf, utf8 } from "./support/outcome.js";

const id = { scope: "shop", tenant: "t", key: "o-1" };

test("a letter comes back as it was, whatever bytes its event has", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ maxLength: 300 }),
      async (event, edit) => {
        const both = systems();
        const letter = await bury1(both, id, { event });
        await replay({ ...both, id: letter.id, event: edit, by: "ann\n\u001b" });
        await failDue(both, "shop");
        const { arrivedAt: _, ...kept } = (await both.deadLetters.get(letter.id)) as DeadLetter;
        const line = letterToLine(kept);
        expect(line).not.toContain("\n");
        expect(letterFromLine(line)).toEqual(kept);
      },
    ),
    { numRuns: 200 },
  );
});

test("text is readable in the line, a byte order mark included", async () => {
  const letter = await bury1(systems(), id, { event: utf8('\ufeff{"amount":1}') });
  expect(letterToLine(letter)).toContain('\\"amount\\":1');
  expect(letterFromLine(letterToLine(letter)).event).toEqual(utf8('\ufeff{"amount":1}'));
});

describe("a line that is no letter is refused, and the message says why", async () => {
  const good = JSON.parse(letterToLine(await bury1(systems(), id))) as Record<string, unknown>;
  const wrong: Record<string, unknown> = {
    "no JSON": "nonsense",
    "another format": { ...good, hooklatch: "dead-letter/9" },
    "an array": [],
    null: null,
    "another identity": { ...good, key: "o-2" },
    "no event": { ...good, event: undefined },
    "an event that is no bytes": { ...good, event: { base64: "%%%" } },
    "a token that is none": { ...good, token: -1 },
    "attempts that are none": { ...good, attempts: [{}] },
    "an error that is none": { ...good, error: "boom" },
    "replays that are none": { ...good, replays: [1] },
    "a time that is none": { ...good, diedAt: "yesterday" },
  };
  for (const [name, value] of Object.entries(wrong)) {
    test(name, () => {
      const line = typeof value === "string" ? value : JSON.stringify(value);
      expect(codeOf(() => letterFromLine(line))).toBe("invalid_letter");
    });
  }
  test("what is not known in a line is left out", () => {
    expect(letterFromLine(JSON.stringify({ ...good, extra: 1 }))).not.toHaveProperty("extra");
  });
});

test("import: into another queue once, then it is there already; a discarded one only by restore", async () => {
  const from = systems();
  const letter = await bury1(from, id);
  const to = systems();
  expect(await importLetter({ ...to, letter })).toEqual({ status: "imported" });
  expect(await importLetter({ ...to, letter })).toEqual({ status: "already" });
  await discard({ ...to, id: letter.id });
  expect(await importLetter({ ...to, letter })).toEqual({ status: "removed" });
  expect(await importLetter({ ...to, letter, restore: true })).toEqual({ status: "imported" });
  // And it works from then on: it fails again, is seen again, and leaves when it is discarded.
  expect(await replay({ ...to, id: letter.id })).toEqual({ status: "scheduled" });
  await failDue(to, "shop");
  expect((await to.deadLetters.get(letter.id))?.rounds).toBe(2);
  expect(await discard({ ...to, id: letter.id })).toEqual({ status: "discarded" });
  expect(await to.deadLetters.count()).toBe(0);
});

test("restore: the letter comes back as it was, so what is delivered meanwhile is seen when it dies", async () => {
  const to = systems();
  const letter = await bury1(to, id, { event: utf8("old") });
  await discard({ ...to, id: letter.id });
  await new Promise((passed) => setTimeout(passed, 3));
  const claim = { id, owner: "o", leaseMs: 60_000, event: utf8("new"), redelivery: "rerun" } as const;
  const { token } = (await to.store.claim({ ...claim, redeliveryAfterMs: 0 })) as { token: number };
  await new Promise((passed) => setTimeout(passed, 3));
  expect(await importLetter({ ...to, letter, restore: true })).toEqual({ status: "imported" });
  expect(await to.deadLetters.get(letter.id)).toMatchObject({ bornAt: letter.bornAt, token: letter.token });
  await to.store.fail({ id, owner: "o", token, error: letter.error, letter: true });
  await bury(to.store, to.deadLetters, id);
  expect((await to.deadLetters.get(letter.id))?.event).toEqual(utf8("new"));
  expect(await replay({ ...to, id: letter.id })).toEqual({ status: "scheduled" });
});

test("restore: of a letter that was removed alone, its operation is the one that was there", async () => {
  const to = systems();
  const letter = await bury1(to, id);
  await to.deadLetters.remove(letter.id);
  await new Promise((passed) => setTimeout(passed, 3));
  expect(await importLetter({ ...to, letter, restore: true })).toEqual({ status: "imported" });
  expect(await replay({ ...to, id: letter.id })).toEqual({ status: "scheduled" });
  const [run] = await to.store.claimDue({ scopes: ["shop"], owner: "w", leaseMs: 60_000, limit: 1 });
  const { token = 0 } = run ?? {};
  await to.store.complete({ id, owner: "w", token, result: null, retentionMs: 60_000 });
  await unbury(to.store, to.deadLetters, id, { bornAt: letter.bornAt, token });
  expect(await to.deadLetters.count()).toBe(0);
});

test("import: a letter that is there stays, whatever the other one's version", async () => {
  const to = systems();
  const letter = await bury1(to, id);
  const strange = { ...letter, bornAt: letter.bornAt + 1_000, event: utf8("strange") };
  expect(await importLetter({ ...to, letter: strange })).toEqual({ status: "already" });
  expect(await importLetter({ ...to, letter: strange, restore: true })).toEqual({ status: "already" });
  expect(await replay({ ...to, id: letter.id })).toEqual({ status: "scheduled" });
});

test("import: a letter of a clock that is ahead hides no operation of this store", async () => {
  const to = systems();
  const from = systems();
  const { id: letter, ...rest } = await bury1(from, id, { event: utf8("old") });
  const ahead = { ...rest, id: letter, bornAt: Date.now() + 120_000 };
  expect(await importLetter({ ...to, letter: ahead })).toEqual({ status: "imported" });
  // It is delivered here, too.
  await bury1(to, id, { event: utf8("delivered here") });
  expect((await to.deadLetters.get(letter))?.event).toEqual(utf8("delivered here"));
  expect((await to.store.get(id))?.letter).toBe("pushed");
  expect(await replay({ ...to, id: letter })).toEqual({ status: "scheduled" });
  await failDue(to, "shop");
  expect(await discard({ ...to, id: letter })).toEqual({ status: "discarded" });
  // Nor does what is left of it, where the clock was set back.
  await bury1(to, id, { event: utf8("once more") });
  expect((await to.deadLetters.get(letter))?.event).toEqual(utf8("once more"));
});
