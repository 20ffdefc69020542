/** `whenRunning: "wait"`: duplicates of a running request that wait for its response. */
import { memoryStore } from "@hooklatch/core";
import { expect, test } from "vitest";
import { eventually } from "./support/eventually.js";
import { faultyStore, noFaults } from "./support/faults.js";
import { guarding, ok } from "./support/guarding.js";
import { text } from "./support/receiving.js";

const MANY = 50;

test("the winner completes: everybody gets its response, and the store is not asked by each of them again and again", async () => {
  const store = faultyStore(memoryStore(), noFaults);
  const guard = guarding({ store, whenRunning: "wait" });
  const run = await guard.run("k");
  const waiting = Array.from({ length: MANY }, () => guard.ask("k"));
  await eventually(() => store.calls.filter(({ verb }) => verb === "claim").length >= MANY + 3);
  await run.finish(ok());
  for (const admission of await Promise.all(waiting)) {
    expect(admission).toMatchObject({ kind: "answer", replayed: true, response: { status: 201 } });
  }
  expect(store.calls.filter(({ verb }) => verb === "claim").length).toBeLessThan(MANY + 20);
});

test("the winner releases: exactly one takes over, then the others get its response", async () => {
  const guard = guarding({ whenRunning: "wait" });
  const run = await guard.run("k");
  const waiting = Array.from({ length: MANY }, () => guard.ask("k"));
  await run.finish(ok("busy", 503));
  const next = await Promise.race(waiting);
  if (next.kind !== "run") throw new Error("Somebody had to take over.");
  expect(await guard.state("k")).toBe("running");
  await next.run.finish(ok("second"));
  const all = await Promise.all(waiting);
  expect(all.filter(({ kind }) => kind === "run")).toHaveLength(1);
  const answers = all.flatMap((each) => (each.kind === "answer" ? [each.response] : []));
  expect(new Set(answers.map(text))).toEqual(new Set(["second"]));
});

test("nobody ends in time: 409 for all, nobody runs twice", async () => {
  const guard = guarding({ whenRunning: "wait", waitMs: 80 });
  const run = await guard.run("k");
  const from = performance.now();
  const all = await Promise.all(Array.from({ length: MANY }, () => guard.answer("k")));
  expect(performance.now() - from).toBeGreaterThanOrEqual(75);
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([409]));
  await run.finish(ok());
});

test("another payload does not wait: 422 at once", async () => {
  const guard = guarding({ whenRunning: "wait" });
  const run = await guard.run("k");
  expect((await guard.answer("k", "other")).status).toBe(422);
  await run.finish(ok());
});

test("a lease that runs out while they wait: exactly one takes over", async () => {
  const inner = memoryStore();
  const dead = guarding({ store: inner, leaseMs: 100 });
  await dead.run("k");
  await dead.close({ drainMs: 0 });
  const guard = guarding({ store: { ...inner }, whenRunning: "wait" });
  const waiting = Array.from({ length: 10 }, () => guard.ask("k"));
  const next = await Promise.race(waiting);
  if (next.kind !== "run") throw new Error("Somebody had to take over.");
  await next.run.finish(ok());
  expect((await Promise.all(waiting)).filter(({ kind }) => kind === "run")).toHaveLength(1);
});

test("the store fails while they wait: 503 for who asked it, the others ask for themselves", async () => {
  let down = false;
  const store = faultyStore(memoryStore(), (verb) => (verb === "claim" && down ? "lost-request" : undefined));
  const guard = guarding({ store, whenRunning: "wait", storeTimeoutMs: 30 });
  const run = await guard.run("k");
  const waiting = Array.from({ length: 5 }, () => guard.answer("k"));
  await eventually(() => store.calls.filter(({ verb }) => verb === "claim").length >= 7);
  down = true;
  const first = await Promise.race(waiting);
  expect(first.status).toBe(503);
  down = false;
  await run.finish(ok());
  const statuses = (await Promise.all(waiting)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 201).length).toBeGreaterThan(0);
  expect(new Set(statuses)).toEqual(new Set([201, 503]));
});
