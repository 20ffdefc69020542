/** Listeners: what an app hears, and that a broken listener harms nothing. */
import { type IdempotencyEvents, memoryDeadLetters, memoryStore } from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { emitter } from "../src/events.js";
import { receiving, request } from "./support/receiving.js";

describe("emitter", () => {
  const event = { scope: "s", key: "k" };

  test("calls the listener with the event", () => {
    const replayed = vi.fn();
    emitter({ replayed })("replayed", event);
    expect(replayed).toHaveBeenCalledWith(event);
  });

  test("no listeners, or none of that name, is fine", () => {
    emitter(undefined)("replayed", event);
    emitter({})("replayed", event);
    emitter({ replayed: undefined as never })("replayed", event);
  });

  test("one that throws, rejects, or is no function harms nothing", async () => {
    const broken: unknown[] = [
      () => {
        throw new Error("broken");
      },
      async () => {
        throw new Error("broken");
      },
      5,
    ];
    for (const replayed of broken) emitter({ replayed: replayed as never })("replayed", event);
    await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("the life of one event, as heard", () => {
  const names = [
    "claimed",
    "replayed",
    "retried",
    "completed",
    "resultNotKept",
    "dead",
    "leaseLost",
    "storeError",
    "sinkError",
    "letterExpired",
    "rejected",
  ] as const;

  function recorder() {
    const heard: [string, Record<string, unknown>][] = [];
    const on = Object.fromEntries(
      names.map((name) => [name, (event: Record<string, unknown>) => void heard.push([name, event])]),
    ) as Partial<IdempotencyEvents>;
    return { on, heard, told: () => heard.map(([name]) => name) };
  }

  test("completed after a retry, then replayed", async () => {
    const { on, heard, told } = recorder();
    let runs = 0;
    const error = new Error("first");
    const receiver = receiving(
      () => {
        if (++runs === 1) throw error;
      },
      { on, key: () => "k", tenant: () => "t" },
    );
    await receiver.handle(request());
    await receiver.handle(request());
    expect(told()).toEqual(["claimed", "retried", "completed", "replayed"]);
    const id = { scope: "hooks", tenant: "t", key: "k" };
    expect(heard[0]?.[1]).toEqual({ ...id, token: 1, attempt: 1, recovered: false, replay: false });
    expect(heard[1]?.[1]).toEqual({ ...id, attempt: 1, delayMs: expect.any(Number), error });
    expect(heard[2]?.[1]).toEqual({ ...id, attempt: 2, durationMs: expect.any(Number) });
    expect(heard[3]?.[1]).toEqual(id);
  });

  test("dead, with the letter's id", async () => {
    const { on, heard, told } = recorder();
    const deadLetters = memoryDeadLetters();
    const failing = () => {
      throw "text";
    };
    await receiving(failing, { on, deadLetters, retry: false }).handle(request());
    expect(told()).toEqual(["claimed", "dead"]);
    const { letters } = await deadLetters.list();
    expect(heard[1]?.[1]).toMatchObject({ attempt: 1, error: "text", deadLetterId: letters[0]?.id });
  });

  test("the sink refuses: sinkError, and dead without an id", async () => {
    const { on, heard, told } = recorder();
    const deadLetters = { push: () => Promise.reject(new Error("down")) };
    const failing = () => {
      throw new Error("x");
    };
    await receiving(failing, { on, deadLetters, retry: false, worker: false }).handle(request());
    expect(told()).toEqual(["claimed", "sinkError", "dead"]);
    expect(heard[2]?.[1]).toMatchObject({ deadLetterId: undefined });
  });

  test("listeners that all throw change no answer", async () => {
    const throwing = () => {
      throw new Error("broken listener");
    };
    const on = Object.fromEntries(names.map((name) => [name, throwing])) as Partial<IdempotencyEvents>;
    const store = memoryStore();
    const receiver = receiving(() => "done", { on, store, maxResultBytes: 1 });
    expect((await receiver.handle(request())).status).toBe(200);
    expect((await receiver.handle(request())).status).toBe(200);
    expect((await receiver.handle(request({ headers: { "idempotency-key": "a b" } }))).status).toBe(400);
    expect((await store.stats()).completed).toBe(1);
  });
});
