/** DESIGN.md §8, the column of `idempotency`: what becomes of the response of a guarded route. On each kind of store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IdempotencyStore, memoryStore } from "@hooklatch/core";
import { sqliteStore } from "@hooklatch/sqlite";
import { afterAll, describe, expect, test, vi } from "vitest";
import { guarding, ok } from "./support/guarding.js";
import { expectProblem, text } from "./support/receiving.js";

const folder = mkdtempSync(join(tmpdir(), "hooklatch-guard-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const STORES: [string, () => IdempotencyStore][] = [
  ["memory", memoryStore],
  ["sqlite", () => sqliteStore(join(folder, `${++files}.db`))],
];

describe.each(STORES)("%s", (_, makeStore) => {
  test("claimed, finished, replayed: status, bytes and headers that describe them", async () => {
    const guard = guarding({ store: makeStore() });
    const run = await guard.run("k");
    expect(await guard.state("k")).toBe("running");
    expect(await run.finish(ok("made\0ü"))).toBeUndefined();
    const admission = await guard.ask("k");
    expect(admission).toMatchObject({ kind: "answer", replayed: true });
    const answer = await guard.answer("k");
    expect([answer.status, text(answer)]).toEqual([201, "made\0ü"]);
    expect(answer.headers).toEqual({ "content-type": "text/plain", "idempotent-replayed": "true" });
  });

  test("while it runs: 409 request_in_progress; then, too, another payload is 422, and changes nothing", async () => {
    const guard = guarding({ store: makeStore() });
    const run = await guard.run("k");
    const expected = { status: 409, code: "request_in_progress", retryable: true, retryAfter: true };
    expectProblem(await guard.answer("k"), expected);
    const reused = { status: 422, code: "key_reused", retryable: false };
    expectProblem(await guard.answer("k", "other"), reused);
    await run.finish(ok());
    expectProblem(await guard.answer("k", "other"), reused);
    expect(text(await guard.answer("k"))).toBe("made");
  });

  test("not kept (streamed, or too large): 409 result_not_kept, never run again", async () => {
    const guard = guarding({ store: makeStore(), maxResultBytes: 100 });
    expect(await (await guard.run("streamed")).finishUnkept(200)).toBe(true);
    expect(await (await guard.run("large")).finish(ok("x".repeat(101)))).toBeUndefined();
    expect(await (await guard.run("head")).finish(ok("x".repeat(100)))).toBeUndefined();
    for (const key of ["streamed", "large", "head"]) {
      const { detail } = expectProblem(await guard.answer(key), {
        status: 409,
        code: "result_not_kept",
        retryable: false,
      });
      expect(detail).toContain("not be again");
    }
    expect(guard.names().filter((name) => name === "resultNotKept")).toHaveLength(3);
  });

  test("released: a retry runs, and the key is still bound to its payload", async () => {
    const guard = guarding({ store: makeStore() });
    expect(await (await guard.run("k")).finish(ok("busy", 503))).toBeUndefined();
    expect(await guard.state("k")).toBe("released");
    expectProblem(await guard.answer("k", "other"), { status: 422, code: "key_reused", retryable: false });
    await (await guard.run("k")).abandon();
    await (await guard.run("k")).finish(ok());
    expect(text(await guard.answer("k"))).toBe("made");
  });

  test("the first report counts, and the others get its answer", async () => {
    const guard = guarding({ store: makeStore() });
    const run = await guard.run("k");
    const answers = await Promise.all([
      run.finish(ok("first")),
      run.finish(ok("second")),
      run.finishUnkept(200),
      run.abandon(),
    ]);
    expect(answers).toEqual([undefined, undefined, true, undefined]);
    expect(text(await guard.answer("k"))).toBe("first");
    expect(guard.names()).toEqual(["claimed", "completed", "replayed"]);
  });

  test("fingerprint: false, and one of one's own", async () => {
    const store = makeStore();
    const loose = guarding({ store, fingerprint: false });
    await (await loose.run("k", "a")).finish(ok());
    expect((await loose.answer("k", "b")).status).toBe(201);
    const own = guarding({ store, scope: "own", fingerprint: ({ body }) => body.subarray(0, 1) });
    await (await own.run("k", "a1")).finish(ok());
    expect([(await own.answer("k", "a2")).status, (await own.answer("k", "b1")).status]).toEqual([201, 422]);
  });

  test("expired records are forgotten beside the traffic", async () => {
    const guard = guarding({ store: makeStore(), retentionMs: 1 });
    await (await guard.run("k")).finish(ok());
    await vi.waitUntil(async () => (await guard.state("k")) === undefined);
    await (await guard.run("k")).finish(ok("again"));
    await guard.close();
  });
});

test("shouldStore by default: every status from 200 to 599", async () => {
  const guard = guarding();
  const released: number[] = [];
  for (let status = 200; status <= 599; status++) {
    await (await guard.run(`k-${status}`)).finish(ok("x", status));
    const state = await guard.state(`k-${status}`);
    if (state === "released") released.push(status);
    else expect([status, state]).toEqual([status, "completed"]);
  }
  const failed = Array.from({ length: 100 }, (_, n) => 500 + n);
  expect(released).toEqual([401, 403, 408, 409, 421, 423, 425, 429, ...failed]);
});

test("shouldStore of one's own decides for each way to end; one that throws or rejects counts as true", async () => {
  const answers: Record<number, () => unknown> = {
    200: () => false,
    500: () => true,
    501: () => {
      throw new Error("x");
    },
    502: () => Promise.reject(new Error("x")),
  };
  const shouldStore = (status: number) => answers[status]?.() as boolean;
  const guard = guarding({ shouldStore });
  for (const [status, state] of [
    [200, "released"],
    [500, "completed"],
    [501, "completed"],
    [502, "completed"],
  ] as const) {
    await (await guard.run(`held-${status}`)).finish(ok("x", status));
    await (await guard.run(`streamed-${status}`)).finishUnkept(status);
    expect([await guard.state(`held-${status}`), await guard.state(`streamed-${status}`)]).toEqual([
      state,
      state,
    ]);
  }
});

test("a claim that finds a webhook handler's dead operation: 409, it has ended", async () => {
  const store = memoryStore();
  const guard = guarding({ store });
  const id = { scope: "orders", key: "k" };
  const claim = { id, owner: "o", leaseMs: 1_000, redelivery: "ignore" as const, redeliveryAfterMs: 0 };
  await store.claim({ ...claim, event: new Uint8Array(1) });
  await store.fail({ id, owner: "o", token: 1, error: { name: "Error", message: "x" }, letter: false });
  expectProblem(await guard.answer("k"), { status: 409, code: "result_not_kept", retryable: false });
});

test("a request without the key that is required is heard of, like any other that is refused", () => {
  const guard = guarding({ required: true });
  expect(guard.enter("POST", {})).toMatchObject({ kind: "answer", response: { status: 400 } });
  expect(guard.heard).toMatchObject([{ name: "rejected", event: { status: 400, code: "key_missing" } }]);
});

test("events tell the whole story, and a listener that throws or rejects harms nothing", async () => {
  const guard = guarding({ maxResultBytes: 10 });
  const id = { scope: "orders", key: "k" };
  await (await guard.run("k")).finish(ok("busy", 503));
  await (await guard.run("k")).finish(ok("x".repeat(11)));
  await guard.answer("k");
  guard.enter("POST", { "idempotency-key": "a b" });
  expect(guard.heard).toMatchObject([
    { name: "claimed", event: { ...id, token: 1, attempt: 1, recovered: false, replay: false } },
    { name: "released", event: { ...id, token: 1, status: 503 } },
    { name: "claimed", event: { ...id, token: 2, attempt: 1 } },
    { name: "resultNotKept", event: id },
    { name: "completed", event: { ...id, attempt: 1, durationMs: expect.any(Number) } },
    { name: "replayed", event: id },
    { name: "rejected", event: { scope: "orders", status: 400, code: "invalid_key" } },
  ]);
  const broken = () => {
    throw new Error("x");
  };
  const on = {
    claimed: broken,
    completed: (async () => broken()) as never,
    replayed: broken,
    released: broken,
  };
  const loud = guarding({ on });
  await (await loud.run("k")).finish(ok());
  expect((await loud.answer("k")).status).toBe(201);
});

test.each<[string, (native: unknown) => unknown]>([
  ["nothing", () => undefined],
  ["an empty string", () => ""],
  ["a number", () => 7],
  [
    "a throw",
    () => {
      throw new Error("secret");
    },
  ],
  ["a rejection", () => Promise.reject(new Error("secret"))],
])("a tenant of %s: 400, no store call", async (_name, tenant) => {
  const store = memoryStore();
  const claim = vi.spyOn(store, "claim");
  const guard = guarding({ store, tenant: tenant as never });
  const { detail } = expectProblem(await guard.answer("k"), {
    status: 400,
    code: "invalid_tenant",
    retryable: false,
  });
  expect(detail).not.toContain("secret");
  expect(claim).not.toHaveBeenCalled();
});

test("a fingerprint that throws, or is none: 500, nothing claimed", async () => {
  const store = memoryStore();
  const broken = () => {
    throw new Error("secret");
  };
  for (const fingerprint of [broken, () => 7 as never, (async () => broken()) as never]) {
    const guard = guarding({ store, fingerprint });
    const answer = await guard.answer("k");
    expect([answer.status, text(answer).includes("secret")]).toEqual([500, false]);
    await guard.close();
  }
  expect(await store.stats()).toMatchObject({ running: 0 });
});
