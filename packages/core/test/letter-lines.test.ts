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
