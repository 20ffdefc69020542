/** A bulk action is about the letters that were there when somebody was asked, by the clock of the queue. */
import { type DeadLetter, letterId, memoryDeadLetters, memoryStore } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { createDashboard } from "../src/index.js";
import { ask } from "./support/asking.js";

function letterOf(scope: string, key: string): DeadLetter {
  return {
    ...{ scope, key, id: letterId({ scope, key }), bornAt: 1, token: 1, event: new Uint8Array([1]) },
    ...{ error: { name: "E", message: "m" }, attempts: [], rounds: 1, firstFailedAt: 1, diedAt: 1 },
  };
}

describe.each([
  ["right", 0],
  ["a minute behind", -60_000],
  ["a minute ahead", 60_000],
])("where its clock is %s", (_, skewMs) => {
  test.each([
    ["all", {}],
    ["of a filter", { scope: "shop" }],
    ["up to a time to come", { arrivedBefore: String(Date.UTC(2100, 0)) }],
  ])("%s: what comes later is left out, and nothing else", async (_what, filter) => {
    const now = () => Date.now() + skewMs;
    const deadLetters = memoryDeadLetters({ now });
    for (let n = 0; n < 60; n++) await deadLetters.push(letterOf("shop", `k-${n}`));
    const dashboard = createDashboard({ store: memoryStore({ now }), deadLetters, authorize: () => true });
    const path = `api/letters/closed?${new URLSearchParams(filter as Record<string, string>)}`;
    const { json: closed } = await ask(dashboard, "GET", path);
    await deadLetters.push(letterOf("shop", "late"));
    expect(closed).toEqual({ filter: expect.objectContaining({}), letters: 60 });
    let done = 0;
    for (let next: string | undefined; ; ) {
      const body = { batchId: "batch-0001", filter: closed.filter, next };
      const { json } = await ask(dashboard, "POST", "api/discard", { body });
      done += json.done;
      next = json.next;
      if (next === undefined) break;
    }
    expect(done).toBe(60);
    expect((await deadLetters.list()).letters.map(({ key }) => key)).toEqual(["late"]);
  });

  test("none: it finds none later, either", async () => {
    const deadLetters = memoryDeadLetters({ now: () => Date.now() + skewMs });
    const dashboard = createDashboard({ store: memoryStore(), deadLetters, authorize: () => true });
    const { json: closed } = await ask(dashboard, "GET", "api/letters/closed?scope=shop");
    expect(closed.letters).toBe(0);
    await deadLetters.push(letterOf("shop", "late"));
    const body = { batchId: "batch-0001", filter: closed.filter };
    expect((await ask(dashboard, "POST", "api/discard", { body })).json).toMatchObject({ done: 0, left: [] });
    expect(await deadLetters.count()).toBe(1);
  });
});
