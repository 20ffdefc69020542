/** Letters that are over their queue's retention or maximum go with their operations, and take nothing else with them. */
import {
  type DeadLetterQueue,
  type DeadLetterSink,
  type IdempotencyEvents,
  type IdempotencyOptions,
  type IdempotencyStore,
  letterId,
  memoryDeadLetters,
  memoryStore,
  type OperationId,
  withIdempotency,
} from "@hooklatch/core";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.js";

interface Mail {
  to: string;
}
const open: { close(options?: { drainMs?: number }): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((handler) => handler.close({ drainMs: 0 })));
});

const idOf = (to: string): OperationId => ({ scope: "mail", tenant: "t", key: to });
const letterOf = (to: string): string => letterId(idOf(to));

/** A worker whose upkeep comes round in no time. */
function worker(options: Partial<IdempotencyOptions<Mail>> & Pick<IdempotencyOptions<Mail>, "store">) {
  const handler = withIdempotency<Mail, string>(() => "sent", {
    scope: "mail",
    tenant: () => "t",
    key: (mail) => mail.to,
    leaseMs: 300,
    storeTimeoutMs: 100,
    worker: { pollMs: 1 },
    ...options,
  });
  open.push(handler);
  handler.start();
  return handler;
}

/** Operations that died long ago, and whose letters are in the queue: as if by another process. */
async function dead(store: IdempotencyStore, deadLetters: DeadLetterQueue, ...keys: string[]): Promise<void> {
  for (const key of keys) {
    const [id, owner] = [idOf(key), `owner of ${key}`];
    const event = new TextEncoder().encode(JSON.stringify({ to: key }));
    const claim = { id, owner, event, leaseMs: 1_000, redelivery: "rerun", redeliveryAfterMs: 0 } as const;
    const { token } = (await store.claim(claim)) as { token: number };
    const error = { name: "Error", message: "no" };
    await store.fail({ id, owner, token, error, letter: true });
    const { bornAt, changedAt } = (await store.get(id)) ?? { bornAt: 0, changedAt: 0 };
    const times = { bornAt, firstFailedAt: changedAt, diedAt: changedAt };
    await deadLetters.push({
      ...id,
      id: letterId(id),
      token,
      event,
      error,
      attempts: [],
      rounds: 1,
      ...times,
    });
    await store.settle({ id, bornAt, token, letter: "pushed" });
  }
}

/** Puts it back to work, much later: its worker has nothing to do with it for now. */
const waiting = (store: IdempotencyStore, key: string) =>
  store.schedule({ id: idOf(key), replayId: "r", delayMs: 60_000 });

function listening() {
  const heard: [string, Record<string, unknown>][] = [];
  const hear = (name: string) => (event: object) => void heard.push([name, { ...event }]);
  const on: Partial<IdempotencyEvents> = {
    letterExpired: hear("letterExpired"),
    storeError: hear("storeError"),
    sinkError: hear("sinkError"),
  };
  const told = (name: string) => heard.filter(([of]) => of === name).map(([, event]) => event);
  return { on, heard, told };
}

const rounds = () => new Promise((resolve) => setTimeout(resolve, 120));

describe("a letter over its queue's limits", () => {
  test("goes with its operation when its retention is over, and `letterExpired` says so", async () => {
    let now = 1_000;
    const [store, deadLetters] = [memoryStore(), memoryDeadLetters({ now: () => now, retentionMs: 500 })];
    const { on, heard } = listening();
    await dead(store, deadLetters, "old");
    now = 1_400;
    await dead(store, deadLetters, "young");
    now = 1_500;
    worker({ store, deadLetters, on });
    await eventually(async () => (await deadLetters.count()) === 1, "the old letter's end");
    expect(await store.get(idOf("old"))).toBeUndefined();
    expect(await store.get(idOf("young"))).toMatchObject({ state: "dead" });
    await rounds();
    expect(await deadLetters.get(letterOf("young"))).toBeDefined();
    expect(heard).toEqual([["letterExpired", { ...idOf("old"), deadLetterId: letterOf("old") }]]);
  });

  test("goes when newer ones fill the maximum, oldest first, of its own scope", async () => {
    const [store, deadLetters] = [memoryStore(), memoryDeadLetters({ maxLetters: 2 })];
    const { on, told } = listening();
    await dead(store, deadLetters, "a", "b", "c", "d");
    for (const n of [1, 2, 3]) {
      const { letters } = await deadLetters.list({ key: "a" });
      await deadLetters.push({ ...letters[0], id: `other ${n}`, scope: "other" } as never);
    }
    worker({ store, deadLetters, on });
    await eventually(() => told("letterExpired").length === 2, "the two oldest");
    await rounds();
    expect(told("letterExpired").map(({ key }) => key)).toEqual(["a", "b"]);
    expect(await deadLetters.count({ scope: "other" })).toBe(3);
    expect((await store.stats()).dead).toBe(2);
  });

  test("stays while its operation is back at work", async () => {
    const [store, deadLetters] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    const { on, heard } = listening();
    await dead(store, deadLetters, "replayed", "dead", "newest");
    await waiting(store, "replayed");
    worker({ store, deadLetters, on });
    await eventually(async () => (await deadLetters.count()) === 2, "the end of the dead one's");
    await rounds();
    expect(heard).toMatchObject([["letterExpired", { key: "dead" }]]);
    expect(await deadLetters.get(letterOf("replayed"))).toBeDefined();
    expect((await store.get(idOf("replayed")))?.state).toBe("waiting");
  });

  test("goes although hundreds of older ones have to stay", async () => {
    const [store, deadLetters] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    const stay = Array.from({ length: 150 }, (_, n) => `stays ${n}`);
    const go = Array.from({ length: 150 }, (_, n) => `goes ${n}`);
    await dead(store, deadLetters, ...stay, ...go, "newest");
    for (const key of stay) await waiting(store, key);
    worker({ store, deadLetters });
    await eventually(async () => (await deadLetters.count()) === 151, "the end of those that may go");
    expect(await store.stats()).toMatchObject({ waiting: 150, dead: 1 });
  });
});

describe("a failure", () => {
  test("of one letter keeps no other one, and it goes as soon as it can", async () => {
    const [store, queue] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    const { on, told } = listening();
    await dead(store, queue, "unread", "undeleted", "unremoved", "good", "newest");
    let broken = true;
    const fails = (id: string, key: string) => {
      if (broken && id === letterOf(key)) throw new Error(`broken ${key}`);
    };
    const deadLetters: DeadLetterQueue = {
      ...queue,
      async get(id) {
        fails(id, "unread");
        return queue.get(id);
      },
      async remove(id, upTo) {
        fails(id, "unremoved");
        return queue.remove(id, upTo);
      },
    };
    const deleting: IdempotencyStore = {
      ...store,
      async discard(request) {
        fails(letterId(request.id), "undeleted");
        return store.discard(request);
      },
    };
    worker({ store: deleting, deadLetters, on });
    await eventually(() => told("letterExpired").length === 1, "the good one");
    await eventually(() => told("storeError").length >= 2 && told("sinkError").length >= 1, "the errors");
    expect(told("letterExpired")).toMatchObject([{ key: "good" }]);
    const errors = told("storeError").map(({ scope, operation }) => `${scope} ${operation}`);
    expect(new Set(errors)).toEqual(new Set(["mail expired", "mail discard"]));
    expect(told("sinkError")[0]).toMatchObject({
      ...idOf("unremoved"),
      error: new Error("broken unremoved"),
    });
    // Its operation went first.
    expect(await store.get(idOf("unremoved"))).toMatchObject({ state: "released", letter: "remove" });
    expect(await queue.count()).toBe(4);
    broken = false;
    await eventually(async () => (await queue.count()) === 1, "all the others");
    expect(told("letterExpired")).toHaveLength(4);
  });

  test("of the queue to say which are over is heard, and stops no work", async () => {
    const [store, queue] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    const { on, told } = listening();
    await dead(store, queue, "a", "b");
    const deadLetters = { ...queue, expired: () => Promise.reject(new Error("down")) };
    worker({ store, deadLetters, on });
    await eventually(() => told("storeError").length > 1, "the errors");
    expect(told("storeError")[0]).toMatchObject({ scope: "mail", operation: "expired" });
    await store.schedule({ id: idOf("a"), replayId: "r", delayMs: 0 });
    await eventually(async () => (await store.get(idOf("a")))?.state === "completed", "the work");
  });

  test("of everything is tried on a few letters at a time, not on all of them again and again", async () => {
    const [store, queue] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    await dead(store, queue, ...Array.from({ length: 200 }, (_, n) => `${n}`));
    const tried: string[] = [];
    let asked = 0;
    const deadLetters: DeadLetterQueue = {
      ...queue,
      async expired(request) {
        asked++;
        return (await queue.expired?.(request)) ?? [];
      },
      async get(id) {
        tried.push(id);
        throw new Error("down");
      },
    };
    worker({ store, deadLetters });
    await eventually(() => asked === 3, "the third round");
    // Each round goes on behind what the one before could not discard.
    expect(new Set(tried).size).toBe(tried.length);
    expect(tried.length).toBeLessThanOrEqual(60);
  });

  test("of the queue to answer holds up neither the work nor close()", async () => {
    const [store, queue] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    await dead(store, queue, "a", "b");
    let asked = false;
    const deadLetters: DeadLetterQueue = {
      ...queue,
      expired() {
        asked = true;
        return new Promise(() => {});
      },
    };
    const handler = worker({ store, deadLetters, leaseMs: 60_000, storeTimeoutMs: 20_000 });
    await eventually(() => asked, "the question");
    await store.schedule({ id: idOf("a"), replayId: "r", delayMs: 0 });
    await eventually(async () => (await store.get(idOf("a")))?.state === "completed", "the work");
    const before = performance.now();
    await handler.close({ drainMs: 20 });
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

test.each(["a queue without limits of its own", "a sink that is no queue"])(
  "%s: nothing changes",
  async (kind) => {
    const [store, queue] = [memoryStore(), memoryDeadLetters({ maxLetters: 1 })];
    const { on, heard } = listening();
    await dead(store, queue, "a", "b");
    const { expired: _, ...mute } = queue;
    const sink = { push: queue.push, expired: () => Promise.reject(new Error("not a queue's")) };
    const deadLetters: DeadLetterSink = kind.startsWith("a queue") ? mute : sink;
    worker({ store, deadLetters, on });
    await rounds();
    expect(heard).toEqual([]);
    expect(await queue.count()).toBe(2);
    expect((await store.stats()).dead).toBe(2);
  },
);
