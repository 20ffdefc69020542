/** What somebody decides about a letter is about the letter that they saw. */
import {
  createReceiver,
  type DeadLetter,
  memoryDeadLetters,
  memoryStore,
  NonRetryableError,
  readStoredEvent,
} from "@hooklatch/core";
import { expect, test } from "vitest";
import { type AuditEntry, createDashboard } from "../src/index.js";
import { ask } from "./support/asking.js";
import { failing } from "./support/letters.js";

/** A letter, as the page has read it. */
async function opened() {
  const store = memoryStore();
  const deadLetters = memoryDeadLetters();
  const { deliver, receiver } = failing({ store, deadLetters, scope: "shop", worker: false });
  await deliver("k-1", '{"amount":1}');
  await receiver.close();
  const log: AuditEntry[] = [];
  const dashboard = createDashboard({
    ...{ store, deadLetters, authorize: () => true },
    audit: (entry) => void log.push(entry),
  });
  const [{ id }] = (await deadLetters.list()).letters as [DeadLetter];
  const path = `api/letters/${id}`;
  const read = async () => (await ask(dashboard, "GET", path)).json;
  const act = async (verb: "replay" | "discard", body: object) =>
    (await ask(dashboard, "POST", `${path}/${verb}`, { body })).json;
  /** Somebody else edits it, a worker runs it, and it fails again. */
  async function editedByBob(): Promise<void> {
    const { version } = await read();
    expect(await act("replay", { version, body: '{"amount":"bob"}' })).toEqual({ status: "scheduled" });
    const worker = createReceiver(
      () => {
        throw new NonRetryableError("again");
      },
      { store, deadLetters, scope: "shop", worker: { pollMs: 5 } },
    );
    worker.start();
    await expect.poll(async () => (await deadLetters.get(id))?.rounds).toBe(2);
    await worker.close();
  }
  const bodyNow = async () => {
    const letter = await deadLetters.get(id);
    return letter && readStoredEvent(letter.event).text();
  };
  return { store, deadLetters, dashboard, id, read, act, editedByBob, bodyNow, log };
}

test("a letter that was edited and failed again meanwhile is neither edited, replayed nor discarded", async () => {
  const { store, read, act, editedByBob, bodyNow } = await opened();
  const { version } = await read();
  await editedByBob();
  for (const [verb, body] of [
    ["replay", { version, body: '{"amount":"ann"}' }],
    ["replay", { version }],
    ["discard", { version }],
  ] as const) {
    expect(await act(verb, body)).toEqual({ status: "superseded" });
  }
  expect(await bodyNow()).toBe('{"amount":"bob"}');
  const record = await store.get({ scope: "shop", key: "k-1" });
  expect([record?.state, record?.replays.length]).toEqual(["dead", 1]);
  // Having looked again, it can be.
  const { version: newer } = await read();
  expect(await act("replay", { version: newer, body: '{"amount":"ann"}' })).toEqual({ status: "scheduled" });
});

test("nor one that is changed between being looked at and being put back", async () => {
  const { deadLetters, read, act, editedByBob, bodyNow } = await opened();
  const { version } = await read();
  const { get } = deadLetters;
  let first = true;
  deadLetters.get = async (id) => {
    const letter = await get(id);
    if (first) {
      first = false;
      await editedByBob();
    }
    return letter;
  };
  expect(await act("replay", { version, body: '{"amount":"ann"}' })).toEqual({ status: "superseded" });
  expect(await bodyNow()).toBe('{"amount":"bob"}');
});

test("one of another life, with the same token, is not the one that was seen", async () => {
  const { deadLetters, read, act, id } = await opened();
  const { version } = await read();
  const letter = (await deadLetters.get(id)) as DeadLetter;
  await deadLetters.push({ ...letter, bornAt: letter.bornAt + 1 });
  expect(await act("discard", { version })).toEqual({ status: "superseded" });
});

test("which one was seen must be said; a letter that has left is not found", async () => {
  const { deadLetters, read, act, id } = await opened();
  const { version } = await read();
  for (const wrong of [undefined, null, 1, {}, { bornAt: "1", token: 1 }, { bornAt: 1 }]) {
    expect(await act("replay", { version: wrong })).toMatchObject({ status: 400, code: "invalid_version" });
    expect(await act("discard", { version: wrong })).toMatchObject({ status: 400, code: "invalid_version" });
  }
  await deadLetters.remove(id);
  expect(await act("replay", { version })).toEqual({ status: "not_found" });
  expect(await act("replay", { version, body: "{}" })).toEqual({ status: "not_found" });
  expect(await act("discard", { version })).toEqual({ status: "not_found" });
});

test("an edit that changes nothing is not an edit", async () => {
  const { store, read, act, log } = await opened();
  const { version, event } = await read();
  expect(await act("replay", { version, body: event.text })).toMatchObject({
    status: 409,
    code: "unchanged",
  });
  expect((await store.get({ scope: "shop", key: "k-1" }))?.state).toBe("dead");
  expect(log.at(-1)).toMatchObject({ action: "edit", outcome: "failed", status: "unchanged" });
});
