/** DESIGN.md §3, "Burying is an outbox" and "Replays". */
import {
  type DeadLetterQueue,
  type DeadLetterSink,
  discard,
  type IdempotencyOptions,
  memoryDeadLetters,
  memoryStore,
  replay,
  withIdempotency,
} from "@hooklatch/core";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { type Fault, faultyStore } from "./support/faults.js";

const open: { close(options?: { drainMs?: number }): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((handler) => handler.close({ drainMs: 0 })));
});

const id = { scope: "mail", key: "m-1" };
const mail = { id: "m-1" };

function mailer(
  handler: Parameters<typeof withIdempotency<typeof mail, unknown>>[0],
  options: Partial<IdempotencyOptions<typeof mail>>,
) {
  const call = withIdempotency<typeof mail, unknown>(handler, {
    store: memoryStore(),
    scope: "mail",
    key: (m) => m.id,
    leaseMs: 60,
    storeTimeoutMs: 20,
    retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 1 },
    worker: { pollMs: 5 },
    ...options,
  });
  open.push(call);
  return call;
}

/** A queue of which single calls can be made to fail, after or before they are carried out. */
function faultyQueue(
  plan: Partial<Record<"push" | "remove", Fault[]>>,
): DeadLetterQueue & { pushes: number; removes: number } {
  const inner = memoryDeadLetters();
  const fail = async <T>(name: "push" | "remove", call: () => Promise<T>): Promise<T> => {
    queue[name === "push" ? "pushes" : "removes"]++;
    const fault = plan[name]?.shift();
    if (fault === "hang") return new Promise(() => {});
    if (fault === "lost-request") throw new Error(`${name} is down`);
    const answer = await call();
    if (fault === "lost-reply") throw new Error(`${name} answered, and nobody heard`);
    return answer;
  };
  const queue = {
    ...inner,
    pushes: 0,
    removes: 0,
    push: (letter: Parameters<DeadLetterSink["push"]>[0]) => fail("push", () => inner.push(letter)),
    remove: (...args: Parameters<DeadLetterQueue["remove"]>) => fail("remove", () => inner.remove(...args)),
  };
  return queue;
}

describe("burying", () => {
  test("a letter holds the event, every attempt's error and times, and the last error", async () => {
    const deadLetters = memoryDeadLetters();
    const call = mailer(
      (_m, { attempt }) => {
        throw new TypeError(`attempt ${attempt}`);
      },
      { deadLetters, retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 60_000 } },
    );
    const outcome = await call(mail);
    expect(outcome).toMatchObject({ status: "dead", replayed: false });
    const letter = await deadLetters.get((outcome as { deadLetterId: string }).deadLetterId);
    expect(letter).toMatchObject({ ...id, rounds: 1, error: { name: "TypeError", message: "attempt 2" } });
    expect(JSON.parse(new TextDecoder().decode(letter?.event))).toEqual(mail);
    expect(letter?.attempts.map((a) => [a.round, a.attempt, a.error?.message])).toEqual([
      [1, 1, "attempt 1"],
      [1, 2, "attempt 2"],
    ]);
    expect(letter?.firstFailedAt).toBe(letter?.attempts[0]?.startedAt);
    expect(await call(mail)).toMatchObject({ status: "dead", replayed: true, deadLetterId: letter?.id });
  });

  test.each<Fault>(["lost-request", "lost-reply", "hang"])(
    "the sink going down between fail and push (%s): the worker finishes it, and the letter is there once",
    async (fault) => {
      const deadLetters = faultyQueue({ push: [fault, fault] });
      const store = memoryStore();
      const sinkErrors: unknown[] = [];
      const call = mailer(() => Promise.reject(new Error("no")), {
        store,
        deadLetters,
        on: { sinkError: (e) => sinkErrors.push(e) },
      });
      // Not confirmed by the sink, so no id: a sender is not told that its event is in the queue.
      expect(await call(mail)).toEqual({ status: "dead", error: expect.anything(), replayed: false });
      expect((await store.get(id))?.letter).toBe("push");
      await eventually(async () => (await store.get(id))?.letter === "pushed", "the worker's push");
      expect(await deadLetters.count()).toBe(1);
      expect(sinkErrors).toHaveLength(2);
    },
  );

  test.each<Fault>(["lost-request", "lost-reply", "hang"])(
    "a settle that is lost (%s): pushed again, still one letter",
    async (fault) => {
      const inner = memoryStore();
      const store = faultyStore(inner, (verb, nth) => (verb === "settle" && nth === 0 ? fault : undefined));
      const deadLetters = faultyQueue({});
      const call = mailer(() => Promise.reject(new Error("no")), { store, deadLetters });
      await call(mail);
      await eventually(async () => (await inner.get(id))?.letter === "pushed");
      expect(await deadLetters.count()).toBe(1);
    },
  );

  test("a letter of a process that died after `fail` is pushed by another process", async () => {
    const store = memoryStore();
    const event = new TextEncoder().encode(JSON.stringify(mail));
    await store.claim({
      id,
      owner: "dead process",
      leaseMs: 60,
      event,
      redelivery: "rerun",
      redeliveryAfterMs: 1,
    });
    await store.fail({
      id,
      owner: "dead process",
      token: 1,
      error: { name: "Error", message: "no" },
      letter: true,
    });
    const deadLetters = memoryDeadLetters();
    mailer(() => "never runs", { store, deadLetters }).start();
    await eventually(async () => (await deadLetters.count()) === 1);
    await eventually(async () => (await store.stats()).unsettled === 0);
  });

  test.each<Fault>(["lost-request", "lost-reply", "hang"])(
    "a crash between complete and the removal of a letter (%s): the worker removes it",
    async (fault) => {
      const deadLetters = faultyQueue({ remove: [fault, fault] });
      const store = memoryStore();
      let broken = true;
      const call = mailer(() => (broken ? Promise.reject(new Error("no")) : "sent"), { store, deadLetters });
      const dead = (await call(mail)) as { deadLetterId: string };
      broken = false;
      expect(await replay({ store, deadLetters, id: dead.deadLetterId })).toEqual({ status: "scheduled" });
      await eventually(async () => (await store.get(id))?.state === "completed", "the replay");
      await eventually(async () => (await deadLetters.count()) === 0, "the removal");
      await eventually(async () => (await store.get(id))?.letter === "none", "the settling");
      expect(deadLetters.removes).toBeGreaterThan(2);
    },
  );

  test("a push that arrives after the operation completed and its letter was removed stays out", async () => {
    const inner = memoryDeadLetters();
    let late: (() => Promise<unknown>) | undefined;
    // The first push is held up on its way, as by a paused process; the note brings a second one.
    const deadLetters: DeadLetterQueue = {
      ...inner,
      push: (letter) => {
        if (late !== undefined) return inner.push(letter);
        late = () => inner.push(letter);
        return new Promise(() => {});
      },
    };
    const store = memoryStore();
    let broken = true;
    const call = mailer(() => (broken ? Promise.reject(new Error("no")) : "sent"), { store, deadLetters });
    await call(mail);
    await eventually(async () => (await inner.count()) === 1);
    broken = false;
    await eventually(async () => (await call(mail)).status === "completed", "the redelivery");
    await eventually(async () => (await inner.count()) === 0);
    await late?.();
    expect(await inner.count()).toBe(0);
  });

  test("a poison event that crashes at every attempt: the letter names each crash", async () => {
    const store = memoryStore();
    const event = new TextEncoder().encode(JSON.stringify(mail));
    const claim = { id, leaseMs: 10, event, redelivery: "rerun" as const, redeliveryAfterMs: 1 };
    for (const owner of ["first crash", "second crash"]) {
      await eventually(async () => (await store.claim({ ...claim, owner })).status === "claimed");
    }
    const deadLetters = memoryDeadLetters();
    mailer(() => "never runs", { store, deadLetters }).start();
    const { letters } = await eventually(async () => {
      const page = await deadLetters.list();
      return page.letters.length > 0 && page;
    });
    expect(letters[0]?.error.code).toBe("attempts_exhausted_by_crash");
    expect(letters[0]?.attempts.map((a) => a.error?.code)).toEqual([
      "attempt_abandoned",
      "attempt_abandoned",
    ]);
  });

  test("a sink that only pushes (a queue, a topic) is enough", async () => {
    const pushed: string[] = [];
    const store = memoryStore();
    let broken = true;
    const call = mailer(() => (broken ? Promise.reject(new Error("no")) : "sent"), {
      store,
      deadLetters: { push: async (letter) => void pushed.push(letter.key) },
    });
    await call(mail);
    expect(pushed).toEqual(["m-1"]);
    broken = false;
    await eventually(async () => (await call(mail)).status === "completed");
    await eventually(async () => (await store.get(id))?.letter === "none");
  });
});

describe("redelivery of a dead operation", () => {
  test("runs it again with a new round, once it has been dead for maxDelayMs", async () => {
    const store = memoryStore();
    const deadLetters = memoryDeadLetters();
    const attempts: number[] = [];
    const call = mailer(
      (_m, { attempt, token }) => {
        attempts.push(attempt);
        if (token === 1) throw new Error("no");
        return "sent";
      },
      { store, deadLetters },
    );
    await call(mail);
    expect(await deadLetters.count()).toBe(1);
    const again = await eventually(async () => {
      const outcome = await call(mail);
      return outcome.status === "completed" && outcome;
    });
    expect(again).toMatchObject({ value: "sent", replayed: false, attempts: 1 });
    expect(attempts).toEqual([1, 2, 1]);
    await eventually(async () => (await deadLetters.count()) === 0, "the letter leaves the queue");
  });

  test("with `ignore` never does", async () => {
    const call = mailer(() => Promise.reject(new Error("no")), {
      redelivery: "ignore",
      deadLetters: memoryDeadLetters(),
    });
    await call(mail);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await call(mail)).toMatchObject({ status: "dead", replayed: true });
  });
});

describe("replay", () => {
  async function dead(handler: Parameters<typeof mailer>[0]) {
    const store = memoryStore();
    const deadLetters = memoryDeadLetters();
    const call = mailer(handler, {
      store,
      deadLetters,
      retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 60_000 },
    });
    const outcome = (await call(mail)) as { deadLetterId: string };
    return { store, deadLetters, call, letter: outcome.deadLetterId };
  }

  test("starts a new round with the full policy; the letter keeps every round", async () => {
    const seen: [number, boolean][] = [];
    const { store, deadLetters, letter } = await dead((_m, { attempt, replay: again }) => {
      seen.push([attempt, again]);
      throw new Error(`failure ${seen.length}`);
    });
    expect(await replay({ store, deadLetters, id: letter })).toEqual({ status: "scheduled" });
    await eventually(async () => (await deadLetters.get(letter))?.rounds === 2, "the second round's letter");
    expect(seen).toEqual([
      [1, false],
      [2, false],
      [1, true],
      [2, true],
    ]);
    const attempts = (await deadLetters.get(letter))?.attempts;
    expect(attempts?.map((a) => [a.round, a.attempt, a.error?.message])).toEqual([
      [1, 1, "failure 1"],
      [1, 2, "failure 2"],
      [2, 1, "failure 3"],
      [2, 2, "failure 4"],
    ]);
  });

  test("`context.replay` survives a recovery", async () => {
    const replays: boolean[] = [];
    const { store, deadLetters, call, letter } = await dead((_m, context) => {
      replays.push(context.replay);
      if (context.token === 1) throw new Error("no");
    });
    await call.close();
    await replay({ store, deadLetters, id: letter });
    // A worker that took the replay and died.
    await store.claimDue({ scopes: ["mail"], owner: "dead worker", leaseMs: 10, limit: 10 });
    const other = mailer((_m, context) => void replays.push(context.replay), { store, deadLetters });
    other.start();
    await eventually(async () => (await store.get(id))?.state === "completed");
    expect(replays.at(-1)).toBe(true);
    await eventually(async () => (await deadLetters.count()) === 0);
  });

  test("the same replay id puts a letter back once", async () => {
    let runs = 0;
    const { store, deadLetters, letter } = await dead(() => {
      runs++;
      throw new Error("no");
    });
    const once = { store, deadLetters, id: letter, replayId: "bulk-1" };
    expect(await replay(once)).toEqual({ status: "scheduled" });
    await eventually(async () => (await deadLetters.get(letter))?.rounds === 2);
    expect(await replay(once)).toEqual({ status: "scheduled" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(runs).toBe(4);
  });

  test("is refused when it completed meanwhile, and the letter goes", async () => {
    const { store, deadLetters, call, letter } = await dead(() => Promise.reject(new Error("no")));
    await call.close();
    const kept = await deadLetters.get(letter);
    await store.schedule({ id, replayId: "other", delayMs: 0 });
    const [work] = await store.claimDue({ scopes: ["mail"], owner: "w", leaseMs: 1000, limit: 1 });
    expect(await replay({ store, deadLetters, id: letter })).toEqual({ status: "running" });
    await store.complete({
      id,
      owner: "w",
      token: work?.token ?? 0,
      result: new Uint8Array(),
      retentionMs: 1000,
    });
    expect(kept).toBeDefined();
    expect(await replay({ store, deadLetters, id: letter })).toEqual({ status: "completed" });
    expect(await deadLetters.get(letter)).toBeUndefined();
    expect(await replay({ store, deadLetters, id: letter })).toEqual({ status: "not_found" });
  });

  test("of a letter that is no longer the newest is refused", async () => {
    const { store, deadLetters, call, letter } = await dead(() => Promise.reject(new Error("no")));
    await call.close();
    // It died again meanwhile, and the newer letter is not there yet.
    await store.schedule({ id, replayId: "other", delayMs: 0 });
    const [work] = await store.claimDue({ scopes: ["mail"], owner: "w", leaseMs: 1000, limit: 1 });
    await store.fail({
      id,
      owner: "w",
      token: work?.token ?? 0,
      error: { name: "E", message: "m" },
      letter: true,
    });
    expect(await replay({ store, deadLetters, id: letter })).toEqual({ status: "superseded" });
    expect((await store.get(id))?.state).toBe("dead");
  });

  test("of an operation that the store forgot runs from the letter, and a new death is the newer letter", async () => {
    const { store, deadLetters, letter } = await dead(() => Promise.reject(new Error("no")));
    await store.delete(id);
    expect(await replay({ store, deadLetters, id: letter })).toEqual({ status: "scheduled" });
    const first = await deadLetters.get(letter);
    await eventually(async () => {
      const now = await deadLetters.get(letter);
      return now !== undefined && now.bornAt >= (first?.bornAt ?? 0) && now.token > (first?.token ?? 0);
    });
  });

  test("discard removes the letter and the operation, and is refused while it runs again", async () => {
    const { store, deadLetters, call, letter } = await dead(() => Promise.reject(new Error("no")));
    await call.close();
    await store.schedule({ id, replayId: "r", delayMs: 0 });
    expect(await discard({ store, deadLetters, id: letter })).toEqual({ status: "running" });
    const [work] = await store.claimDue({ scopes: ["mail"], owner: "w", leaseMs: 1000, limit: 1 });
    await store.fail({
      id,
      owner: "w",
      token: work?.token ?? 0,
      error: { name: "E", message: "m" },
      letter: true,
    });
    expect(await discard({ store, deadLetters, id: letter })).toEqual({ status: "running" });
    const other = mailer(() => "x", { store, deadLetters });
    other.start();
    await eventually(async () => (await store.get(id))?.letter === "pushed");
    expect(await discard({ store, deadLetters, id: letter })).toEqual({ status: "discarded" });
    expect(await store.get(id)).toBeUndefined();
    expect(await deadLetters.count()).toBe(0);
    expect(await discard({ store, deadLetters, id: letter })).toEqual({ status: "not_found" });
  });

  test("a key for downstream calls is the same over attempts, rounds and replays", async () => {
    const keys = new Set<string>();
    const { store, deadLetters, letter } = await dead((_m, context) => {
      keys.add(context.idempotencyKeyFor("charge"));
      if (!context.replay) throw new Error("no");
    });
    await replay({ store, deadLetters, id: letter });
    await eventually(async () => (await store.get(id))?.state === "completed");
    expect(keys.size).toBe(1);
    expect([...keys][0]).toMatch(/^[0-9a-f]{32}$/);
  });
});
