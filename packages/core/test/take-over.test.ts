/** Taking a stuck operation over: fenced, and only the one that was seen. */
import { takeOver } from "@hooklatch/core";
import { expect, test } from "vitest";
import { bury1, systems } from "./support/letters.js";
import { utf8 } from "./support/outcome.js";

const id = { scope: "shop", key: "o-1" };
const claim = { id, owner: "a", leaseMs: 60_000, redelivery: "rerun", redeliveryAfterMs: 0 } as const;

test("a running one whose event is kept goes to a worker, and its owner's writes are refused", async () => {
  const { store } = systems();
  await store.claim({ ...claim, event: utf8("e") });
  expect(await takeOver({ store, id, expectedToken: 1, by: "ann", note: "hangs" })).toEqual({
    status: "scheduled",
  });
  expect(await store.complete({ id, owner: "a", token: 1, result: null, retentionMs: 1_000 })).toBe(false);
  const record = await store.get(id);
  expect(record).toMatchObject({ state: "waiting", token: 2, replays: [{ by: "ann", note: "hangs" }] });
});

test("one without an event is released, and its owner's writes are refused", async () => {
  const { store } = systems();
  await store.claim(claim);
  expect(await takeOver({ store, id, expectedToken: 1 })).toEqual({ status: "released" });
  expect(await store.complete({ id, owner: "a", token: 1, result: null, retentionMs: 1_000 })).toBe(false);
  expect(await store.claim({ ...claim, owner: "b" })).toMatchObject({ status: "claimed", token: 2 });
});

test("a completion is never taken away", async () => {
  const { store } = systems();
  await store.claim(claim);
  const raced = {
    ...store,
    get: async (of: typeof id) => {
      const seen = await store.get(of);
      await store.complete({ id, owner: "a", token: 1, result: utf8("r"), retentionMs: 60_000 });
      return seen;
    },
  };
  expect(await takeOver({ store: raced, id, expectedToken: 1 })).toEqual({ status: "superseded" });
  expect((await store.get(id))?.state).toBe("completed");
  expect(await takeOver({ store, id, expectedToken: 1 })).toEqual({ status: "completed" });
});

test("another token than the one that was seen, or no operation at all, changes nothing", async () => {
  const both = systems();
  expect(await takeOver({ ...both, id, expectedToken: 1 })).toEqual({ status: "not_found" });
  await bury1(both, id);
  expect(await takeOver({ ...both, id, expectedToken: 7 })).toEqual({ status: "superseded" });
  expect((await both.store.get(id))?.state).toBe("dead");
});
