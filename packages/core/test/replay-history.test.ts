/** An operator's replays: what a letter tells of them, and what an edit keeps. */
import { changesBetween, deliveredIn, letterId, replay, withBody } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { encodeEvent, webhookEvent } from "../src/webhook.js";
import { bury1, completeDue, failDue, systems } from "./support/letters.js";
import { utf8 } from "./support/outcome.js";

const id = { scope: "shop", key: "o-1" };
const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe("replay", () => {
  test("the letter says who replayed it, why and when, through failures", async () => {
    const both = systems();
    const letter = await bury1(both, id);
    const before = Date.now();
    await replay({ ...both, id: letter.id, by: "ann", note: "the mail server is back" });
    await failDue(both, "shop");
    await replay({ ...both, id: letter.id, by: "bob" });
    await failDue(both, "shop");
    const after = await both.deadLetters.get(letter.id);
    expect(after?.replays).toEqual([
      {
        round: 2,
        at: expect.any(Number),
        replayId: expect.any(String),
        by: "ann",
        note: "the mail server is back",
      },
      { round: 3, at: expect.any(Number), replayId: expect.any(String), by: "bob" },
    ]);
    expect(after?.replays?.[0]?.at).toBeGreaterThanOrEqual(before);
    expect(after?.attempts.map(({ round }) => round)).toEqual([1, 2, 3]);
  });

  test("an edited event runs, the delivered one is kept, and the history says what was changed", async () => {
    const both = systems();
    const letter = await bury1(both, id, { event: utf8('{"amount":"12","to":"x"}') });
    await replay({
      ...both,
      id: letter.id,
      by: "ann",
      event: withBody(letter.event, utf8('{"amount":12,"to":"x"}')),
    });
    await failDue(both, "shop");
    const once = await both.deadLetters.get(letter.id);
    expect(text(once?.event)).toBe('{"amount":12,"to":"x"}');
    expect(text(once?.originalEvent)).toBe('{"amount":"12","to":"x"}');
    await replay({ ...both, id: letter.id, by: "bob", event: utf8('{"amount":13,"to":"y"}') });
    await failDue(both, "shop");
    const twice = await both.deadLetters.get(letter.id);
    expect(text(twice?.event)).toBe('{"amount":13,"to":"y"}');
    expect(text(twice?.originalEvent)).toBe('{"amount":"12","to":"x"}');
    expect(twice?.replays?.map(({ by, changed }) => ({ by, changed }))).toEqual([
      { by: "ann", changed: ["/amount"] },
      { by: "bob", changed: ["/amount", "/to"] },
    ]);
  });

  test("an event that is the letter's own is no edit", async () => {
    const both = systems();
    const letter = await bury1(both, id);
    await replay({ ...both, id: letter.id, event: letter.event.slice() });
    const record = await both.store.get(id);
    expect(record?.replays).toHaveLength(1);
    expect(record?.replays[0]).not.toHaveProperty("changed");
    expect(record?.originalEvent).toBeUndefined();
  });

  test("is not swallowed where the store has no record: it goes on from what the letter tells", async () => {
    const from = systems();
    const letter = await bury1(from, id, { event: utf8("first") });
    await replay({ ...from, id: letter.id, by: "ann", event: utf8("second") });
    await failDue(from, "shop");
    const moved = systems();
    const old = await from.deadLetters.get(letter.id);
    await moved.deadLetters.push({ ...(old as NonNullable<typeof old>), bornAt: Date.now() + 86_400_000 });
    expect(await replay({ ...moved, id: letter.id, by: "bob" })).toEqual({ status: "scheduled" });
    await failDue(moved, "shop");
    const again = await moved.deadLetters.get(letter.id);
    expect(again?.rounds).toBe(3);
    expect(again?.replays?.map(({ by, round }) => [by, round])).toEqual([
      ["ann", 2],
      ["bob", 3],
    ]);
    expect(again?.attempts.map(({ round }) => round)).toEqual([1, 2, 3]);
    expect(text(again?.originalEvent)).toBe("first");
    // A clock of another machine that was ahead keeps nothing behind.
    await replay({ ...moved, id: letter.id });
    await completeDue(moved, "shop");
    expect(await moved.deadLetters.count()).toBe(0);
  });
});

describe("withBody", () => {
  const event = encodeEvent(
    webhookEvent({
      method: "POST",
      url: "/in?x=1",
      basePath: "",
      headers: { "content-type": "application/json", "content-length": "9" },
      receivedAt: new Date(5),
      body: utf8('{"a": 1 }'),
    }),
  );
  test("keeps everything of a delivered event but its body and its length", () => {
    const edited = deliveredIn(withBody(event, utf8('{"a":"é"}')));
    expect(edited?.text()).toBe('{"a":"é"}');
    expect({ ...edited?.headers }).toEqual({ "content-type": "application/json", "content-length": "10" });
    expect([edited?.method, edited?.url, edited?.receivedAt.getTime()]).toEqual(["POST", "/in?x=1", 5]);
  });
  test("replaces all of a plain function's input", () => {
    expect(text(withBody(utf8("[1]"), utf8("[2]")))).toBe("[2]");
  });
  test("changesBetween looks at the body, and names places in JSON", () => {
    const change = (a: string, b: string) =>
      changesBetween(withBody(event, utf8(a)), withBody(event, utf8(b)));
    expect(change('{"a":1}', '{"a":1}')).toEqual([]);
    expect(change('{"a":1}', '{ "a":1}')).toEqual(["body"]);
    expect(change('{"a/b":{"~":[1,2]}}', '{"a/b":{"~":[1,3,4]}}')).toEqual(["/a~1b/~0/1", "/a~1b/~0/2"]);
    expect(change('{"a":1}', '{"b":1}')).toEqual(["/a", "/b"]);
    expect(change('{"a":{}}', '{"a":[]}')).toEqual(["/a"]);
    expect(change("1", "2")).toEqual([""]);
    expect(change('{"__proto__":1}', '{"__proto__":2}')).toEqual(["/__proto__"]);
    expect(change("not json", "{}")).toEqual(["body"]);
  });
  test("a deep body, and a large one, are compared without harm", () => {
    const deep = (inner: string) => utf8("[".repeat(5_000) + inner + "]".repeat(5_000));
    expect(changesBetween(deep("1"), deep("2"))).toEqual(["/0".repeat(5_000)]);
    const many = (value: number) => utf8(JSON.stringify(Array.from({ length: 1_000 }, () => value)));
    expect(changesBetween(many(1), many(2))).toHaveLength(50);
  });
});

test("letterId is the same for a letter and its operation", async () => {
  expect((await bury1(systems(), id)).id).toBe(letterId(id));
});
