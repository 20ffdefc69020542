import { expect, test } from "vitest";
import type { FaultEvent } from "../src/app-config.js";
import { describe, type Verdict, withRig } from "../src/rig.js";

const POISON = { id: "poison", ms: 0, aborts: true };
const app = { leaseMs: 600, maxAttempts: 4 };

function poisonAnd(others: FaultEvent[], together: boolean): Promise<{ verdict: Verdict; starts: number }> {
  return withRig({ app, apps: together ? 1 : 2 }, async ({ deliver, history, finish }) => {
    const first = deliver(POISON);
    if (!together) await history.until("exit", ({ signal }) => signal === "SIGABRT");
    const answers = await Promise.all([first, ...others.map(deliver)]);
    expect(answers).not.toContain(undefined);
    const verdict = await finish();
    console.log(describe(verdict));
    expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
    expect(history.of("exit").filter(({ signal }) => signal === "SIGABRT")).toHaveLength(app.maxAttempts);
    return { verdict, starts: history.of("start").filter(({ key }) => key === POISON.id).length };
  });
}

// Rule 6 of DESIGN.md §3.
test("an event that kills its process at every attempt is started maxAttempts times, then dead", async () => {
  const others = Array.from({ length: 40 }, (_, i) => ({ id: `other${i}`, ms: i }));
  const { verdict, starts } = await poisonAnd(others, false);
  expect(starts).toBe(app.maxAttempts);
  const { operations } = verdict.final;
  expect(operations.get(POISON.id)).toMatchObject({
    state: "dead",
    error: "attempts_exhausted_by_crash",
    letter: true,
  });
  for (const { id } of others) expect(operations.get(id), id).toMatchObject({ state: "completed" });
}, 60_000);

test.fails("an event that kills its process takes no others with it", async () => {
  // All of them are recovered together, each time, and each time the poison ends the process before they are done.
  const others = Array.from({ length: 6 }, (_, i) => ({ id: `other${i}`, ms: 100 }));
  const { verdict } = await poisonAnd(others, true);
  expect(verdict.figures).toMatchObject({ completed: others.length, dead: 1 });
}, 60_000);
