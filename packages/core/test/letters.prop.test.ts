/**
 * Deliveries, workers, operators and imports at once, each of which may be killed between any two calls: in the end store and queue agree.
 * DESIGN.md §3, "Burying is an outbox".
 */
import {
  type DeadLetterQueue,
  discard,
  type IdempotencyStore,
  importLetter,
  letterId,
  memoryDeadLetters,
  memoryStore,
  replay,
} from "@hooklatch/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { bury, unbury } from "../src/burial.js";
import { utf8 } from "./support/outcome.js";

const id = { scope: "shop", key: "o-1" };
const letter = letterId(id);
const error = { name: "Error", message: "it failed" };
const LEASE_MS = 100;

class Killed extends Error {}

type Act = "deliver" | "work" | "replay" | "edit" | "discard" | "import" | "restore" | "wait";
interface Script {
  act: Act;
  /** Whether a run succeeds. */
  succeeds: boolean;
  /** After how many calls the actor is killed. */
  killedAfter: number | undefined;
  /** Turns of the event loop before each call and its answer. */
  turns: number[];
}

const script: fc.Arbitrary<Script> = fc.record({
  act: fc.constantFrom<Act>(
    "deliver",
    "work",
    "work",
    "replay",
    "edit",
    "discard",
    "import",
    "restore",
    "wait",
  ),
  succeeds: fc.boolean(),
  killedAfter: fc.option(fc.nat({ max: 8 }), { nil: undefined }),
  turns: fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 6 }),
});

/** Every call takes a while, there and back, and may be the last. */
function through<T extends object>(systems: T, { killedAfter, turns }: Script): T {
  let passed = 0;
  async function pass(): Promise<void> {
    if (passed === killedAfter) throw new Killed();
    for (let left = turns[passed++ % turns.length] ?? 0; left > 0; left--) await new Promise(setImmediate);
  }
  return new Proxy(systems, {
    get(target, name) {
      const verb = target[name as keyof T];
      if (typeof verb !== "function") return verb;
      return async (...args: unknown[]) => {
        await pass();
        const answer: unknown = await verb.apply(target, args);
        await pass();
        return answer;
      };
    },
  });
}

async function run(
  store: IdempotencyStore,
  queue: DeadLetterQueue,
  owner: string,
  work: { token: number; letter: boolean },
  succeeds: boolean,
): Promise<void> {
  const held = { id, owner, token: work.token };
  if (succeeds) {
    await store.complete({ ...held, result: null, retentionMs: 1e9 });
    const found = await store.get(id);
    if (work.letter && found !== undefined) await unbury(store, queue, id, { ...found, token: work.token });
  } else if (await store.fail({ ...held, error, letter: true })) await bury(store, queue, id);
}

async function workOn(store: IdempotencyStore, queue: DeadLetterQueue, owner: string, succeeds: boolean) {
  const due = await store.claimDue({ scopes: ["shop"], owner, leaseMs: LEASE_MS, limit: 2 });
  for (const work of due) {
    if (work.kind === "run") await run(store, queue, owner, work, succeeds);
    else if (work.kind === "push") await bury(store, queue, id);
    else await unbury(store, queue, id, work);
  }
}

/** Nothing is given up that an operator cannot have seen: its event is in a letter that came into the queue. */
function seeing(store: IdempotencyStore, queue: DeadLetterQueue): IdempotencyStore {
  const seen = new Set<string>();
  const push = queue.push;
  queue.push = (one, options) => {
    seen.add(new TextDecoder().decode(one.event));
    return push(one, options);
  };
  return {
    ...store,
    async discard(request) {
      const event = (await store.get(id))?.event;
      const isDiscarded = await store.discard(request);
      if (isDiscarded && event !== undefined) expect([...seen]).toContain(new TextDecoder().decode(event));
      return isDiscarded;
    },
  };
}

async function play(lanes: Script[][]): Promise<void> {
  let clock = 1_000_000;
  let owners = 0;
  const now = () => clock;
  const queue = memoryDeadLetters({ now });
  const store = seeing(memoryStore({ now }), queue);
  /** Another one's letter of the same event, from a clock that is ahead or behind. */
  const strange = (bornAt: number) => ({
    ...{ ...id, id: letter, bornAt, token: 3, event: utf8("strange"), error, attempts: [], rounds: 1 },
    ...{ firstFailedAt: 1, diedAt: 1 },
  });
  let imported = false;

  async function act(one: Script): Promise<void> {
    const [at, from] = [through(store, one), through(queue, one)];
    const both = { store: at, deadLetters: from, id: letter };
    const owner = `owner ${++owners}`;
    switch (one.act) {
      case "deliver": {
        clock++;
        const claim = { id, owner, leaseMs: LEASE_MS, event: utf8(`delivery ${owners}`) };
        const answer = await at.claim({ ...claim, redelivery: "rerun", redeliveryAfterMs: 5 });
        if (answer.status === "claimed") await run(at, from, owner, answer, one.succeeds);
        return;
      }
      case "work":
        return workOn(at, from, owner, one.succeeds);
      case "replay":
        return void (await replay(both));
      case "edit":
        return void (await replay({ ...both, event: utf8("edited") }));
      case "discard":
        return void (await discard(both));
      case "import":
      case "restore": {
        imported = true;
        const bornAt = clock + (one.succeeds ? 500 : -500);
        return void (await importLetter({
          ...both,
          letter: strange(bornAt),
          restore: one.act === "restore",
        }));
      }
      case "wait":
        clock += 150;
    }
  }
  await Promise.all(
    lanes.map(async (scripts) => {
      for (const one of scripts) {
        await act(one).catch((failure: unknown) => {
          if (!(failure instanceof Killed)) throw failure;
        });
      }
    }),
  );

  // Nothing happens any more, and workers have all the time they need.
  for (let round = 0; round < 8; round++) {
    clock += 20 * LEASE_MS;
    await workOn(store, queue, `worker ${round}`, false);
  }
  const [found, kept] = [await store.get(id), await queue.get(letter)];
  if (found === undefined) {
    // What was discarded is gone with its letter. What was only imported is there.
    if (!imported) expect(kept).toBeUndefined();
    return;
  }
  expect(["dead", "completed"]).toContain(found.state);
  if (found.state === "completed" && !imported) expect(kept).toBeUndefined();
  if (found.state !== "dead") return;
  expect(kept).toMatchObject({ bornAt: found.bornAt, token: found.token, event: found.event });
  expect((await replay({ store, deadLetters: queue, id: letter })).status).toBe("scheduled");
  await workOn(store, queue, "the last worker", false);
  expect((await discard({ store, deadLetters: queue, id: letter })).status).toBe("discarded");
  expect([await store.get(id), await queue.get(letter)]).toEqual([undefined, undefined]);
}

test("a dead operation has its letter, and a completed or discarded one has none", async () => {
  const lanes = fc.array(fc.array(script, { maxLength: 12 }), { minLength: 1, maxLength: 3 });
  await fc.assert(fc.asyncProperty(lanes, play), { numRuns: Number(process.env.RUNS ?? 300) });
});
