/** An operator's replays: what a letter tells of them, and what an edit keeps. */
import {
  changesBetween,
  type DeadLetter,
  deliveredIn,
  discard,
  letterId,
  replay,
  withBody,
  withIdempotency,
} from "@hooklatch/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { encodeEvent, webhookEvent } from "../src/webhook.js";
import { eventually } from "./support/eventually.js";
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

describe("an edit", () => {
  const imported = (bornAt: number): DeadLetter => ({
    ...{ ...id, id: letterId(id), bornAt, token: 7, event: utf8('{"a":1}'), rounds: 3 },
    ...{ error: { name: "E", message: "m" }, firstFailedAt: 1_001, diedAt: 1_003 },
    attempts: [1, 2, 3].map((round) => ({ round, attempt: 1, startedAt: 1_000 + round, durationMs: 1 })),
    replays: [2, 3].map((round) => ({ round, at: 1_500, replayId: `r${round}`, by: "ann" })),
  });

  test("of a letter of which the store has no record keeps its history", async () => {
    const both = systems();
    await both.deadLetters.push(imported(1_000));
    await replay({ ...both, id: letterId(id), event: utf8('{"a":2}') });
    expect(await both.store.get(id)).toMatchObject({ round: 4, bornAt: 1_000, token: 7 });
    await failDue(both, "shop");
    const letter = await both.deadLetters.get(letterId(id));
    expect(letter?.attempts.map(({ round }) => round)).toEqual([1, 2, 3, 4]);
    expect(letter?.replays?.map(({ round }) => round)).toEqual([2, 3, 4]);
    expect([letter?.rounds, letter?.firstFailedAt]).toEqual([4, 1_001]);
  });

  test("of a letter whose clock was ahead can be followed by another, and by a discard", async () => {
    const both = systems();
    await both.deadLetters.push(imported(Date.now() + 120_000));
    await replay({ ...both, id: letterId(id), event: utf8('{"a":2}') });
    await failDue(both, "shop");
    expect((await both.deadLetters.get(letterId(id)))?.token).toBe(8);
    expect(await replay({ ...both, id: letterId(id) })).toEqual({ status: "scheduled" });
    await failDue(both, "shop");
    expect(await discard({ ...both, id: letterId(id) })).toEqual({ status: "discarded" });
  });

  test("a replay id is known after others, too", async () => {
    const both = systems();
    const letter = await bury1(both, id);
    for (const replayId of ["deploy-42", undefined]) {
      expect(await replay({ ...both, id: letter.id, replayId })).toEqual({ status: "scheduled" });
      await failDue(both, "shop");
    }
    expect(await replay({ ...both, id: letter.id, replayId: "deploy-42" })).toEqual({ status: "scheduled" });
    expect(await both.store.get(id)).toMatchObject({ state: "dead", round: 3 });
  });

  test("a delivery that comes before it has run does not undo it: a worker runs what was edited", async () => {
    const both = systems();
    const letter = await bury1(both, id, { event: utf8('{"a":1}') });
    await replay({ ...both, id: letter.id, event: utf8('{"a":"mended"}') });
    const ran: unknown[] = [];
    const shop = (worker: false | { pollMs: number }) => {
      const options = { ...both, scope: "shop", key: () => "o-1", worker };
      const handler = withIdempotency<{ a: unknown }, void>(({ a }) => void ran.push(a), options);
      onTestFinished(() => handler.close({ drainMs: 0 }));
      return handler;
    };
    const receiving = shop(false);
    expect(await receiving({ a: 1 })).toMatchObject({ status: "running", stored: true });
    await receiving.close();
    shop({ pollMs: 5 }).start();
    await eventually(async () => (await both.store.get(id))?.state === "completed", "the run");
    expect(ran).toEqual(["mended"]);
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
