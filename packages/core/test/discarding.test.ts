/** Giving letters up: nothing that is not seen goes with them, and nothing stays behind. */
import {
  type DeadLetterQueue,
  discard,
  discardMany,
  HooklatchError,
  letterId,
  memoryStore,
  replay,
  takeOver,
  withIdempotency,
} from "@hooklatch/core";
import { expect, onTestFinished, test } from "vitest";
import { bury } from "../src/burial.js";
import { eventually } from "./support/eventually.js";
import { bury1, failDue, type Systems, systems } from "./support/letters.js";
import { utf8 } from "./support/outcome.js";

const id = { scope: "shop", key: "o-1" };
const error = { name: "Error", message: "again" };

/** The next delivery dies, and its letter is still owed. */
async function diesAgain({ store }: Systems, event: Uint8Array): Promise<void> {
  const claim = { id, owner: "the next", leaseMs: 60_000, event, redelivery: "rerun", redeliveryAfterMs: 0 };
  const { token } = (await store.claim(claim as Parameters<typeof store.claim>[0])) as { token: number };
  expect(await store.fail({ id, owner: "the next", token, error, letter: true })).toBe(true);
}

/** A clock of the store that has moved on by a second at each question. */
function tickingSystems(): Systems {
  let at = 1_700_000_000_000;
  return {
    ...systems(),
    store: memoryStore({
      now: () => {
        at += 1_000;
        return at;
      },
    }),
  };
}

test("a letter of an earlier life leaves the operation that came after it alone", async () => {
  const both = tickingSystems();
  const letter = await bury1(both, id);
  await both.store.delete(id);
  await diesAgain(both, utf8("new, and acknowledged"));
  expect(await discard({ ...both, id: letter.id })).toEqual({ status: "running" });
  expect(await bury(both.store, both.deadLetters, id)).toBe(letter.id);
  expect((await both.deadLetters.get(letter.id))?.event).toEqual(utf8("new, and acknowledged"));
  expect(await discard({ ...both, id: letter.id })).toEqual({ status: "discarded" });
  expect(await both.store.get(id)).toBeUndefined();
});

test("a letter of an earlier life puts nothing back, and takes nothing over", async () => {
  const both = tickingSystems();
  const letter = await bury1(both, id);
  await both.store.delete(id);
  await diesAgain(both, utf8("new"));
  expect(await replay({ ...both, id: letter.id })).toEqual({ status: "superseded" });
  const stale = {
    ...both.store,
    get: async () => ({ ...(await both.store.get(id)), bornAt: letter.bornAt }),
  };
  const store = stale as typeof both.store;
  expect(await takeOver({ store, id, expectedToken: 1 })).toEqual({ status: "superseded" });
});

function cutInTwo(): Systems & { broken: DeadLetterQueue } {
  const both = systems();
  const remove = () => Promise.reject(new Error("the process ended"));
  return { ...both, broken: { ...both.deadLetters, remove } };
}

function shop({ store, deadLetters }: Systems): void {
  const handler = withIdempotency(() => "done", {
    ...{ store, deadLetters, scope: "shop", key: () => "o-1", worker: { pollMs: 5 } },
    retry: { maxDelayMs: 1, initialDelayMs: 1 },
  });
  onTestFinished(() => handler.close({ drainMs: 0 }));
  handler.start();
}

test("killed between its halves: a worker removes the letter, and nothing of the operation stays", async () => {
  const { broken, ...both } = cutInTwo();
  const letter = await bury1(both, id);
  await expect(discard({ store: both.store, deadLetters: broken, id: letter.id })).rejects.toThrow("ended");
  expect(await both.deadLetters.count()).toBe(1);
  expect((await both.store.get(id))?.event).toBeUndefined();
  shop(both);
  await eventually(async () => (await both.deadLetters.count()) === 0, "the letter");
  await eventually(async () => (await both.store.get(id)) === undefined, "the operation");
});

test("killed between its halves: what is delivered then takes the letter along when it completes", async () => {
  const { broken, ...both } = cutInTwo();
  const letter = await bury1(both, id);
  await expect(discard({ store: both.store, deadLetters: broken, id: letter.id })).rejects.toThrow("ended");
  const claim = await both.store.claim({
    ...{ id, owner: "the next", leaseMs: 60_000, event: utf8("new"), fingerprint: "another" },
    ...{ redelivery: "ignore", redeliveryAfterMs: 60_000 },
  });
  expect(claim).toMatchObject({
    status: "claimed",
    attempt: 1,
    replay: false,
    recovered: false,
    letter: true,
  });
  const { token } = claim as { token: number };
  await both.store.complete({ id, owner: "the next", token, result: null, retentionMs: 1 });
  shop(both);
  await eventually(async () => (await both.deadLetters.count()) === 0, "the letter");
});

test("killed between its halves, it can be done again; a replay comes too late", async () => {
  const { broken, ...both } = cutInTwo();
  const letter = await bury1(both, id);
  await expect(discard({ store: both.store, deadLetters: broken, id: letter.id })).rejects.toThrow("ended");
  expect(await replay({ ...both, id: letter.id })).toEqual({ status: "superseded" });
  expect(await discard({ ...both, id: letter.id })).toEqual({ status: "discarded" });
  expect([await both.store.get(id), await both.deadLetters.count()]).toEqual([undefined, 0]);
});

test("a late answer of the sink settles nothing of a later life", async () => {
  const both = tickingSystems();
  let confirm = (): void => {};
  const slow: DeadLetterQueue = {
    ...both.deadLetters,
    async push(letter) {
      const answer = await both.deadLetters.push(letter);
      await new Promise<void>((resolve) => {
        confirm = resolve;
      });
      return answer;
    },
  };
  await diesAgain(both, utf8("first"));
  const late = bury(both.store, slow, id);
  await eventually(async () => (await both.deadLetters.count()) === 1, "the letter");
  await bury(both.store, both.deadLetters, id);
  expect(await discard({ ...both, id: letterId(id) })).toEqual({ status: "discarded" });
  await diesAgain(both, utf8("second"));
  confirm();
  await late;
  expect((await both.store.get(id))?.letter).toBe("push");
});

test("many at once: a filter that is there and says nothing is refused, not taken for all", async () => {
  const both = systems();
  await bury1(both, id);
  for (const letters of [{}, { scope: undefined }, { scope: "" }, { scope: "", error: undefined }]) {
    const call = discardMany({ ...both, letters }).next();
    await expect(call).rejects.toSatisfy((error) => HooklatchError.is(error, "invalid_argument"));
  }
  expect(await both.deadLetters.count()).toBe(1);
  await discardMany({ ...both, letters: { arrivedBefore: Date.now() + 1_000 } }).next();
  expect(await both.deadLetters.count()).toBe(0);
});

test("many at once: one that waits for its replay stays", async () => {
  const both = systems();
  const letter = await bury1(both, id);
  await replay({ ...both, id: letter.id, delayMs: 60_000 });
  const { value } = await discardMany({ ...both, letters: [letter.id] }).next();
  expect(value?.items.map(({ status }: { status: string }) => status)).toEqual(["running"]);
  await failDue(both, "shop");
});
