import { expect, test } from "vitest";
import { describe, type Rig, type Verdict, withRig } from "../src/rig.js";
import { onEachBackend } from "./backends.js";

const POISON = { id: "poison", ms: 0, aborts: true };
const app = { leaseMs: 600, maxAttempts: 4 };

async function judge({ history, finish }: Rig): Promise<Verdict> {
  const verdict = await finish();
  console.log(describe(verdict));
  expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
  expect(history.of("start").filter(({ key }) => key === POISON.id)).toHaveLength(app.maxAttempts);
  expect(history.of("exit").filter(({ signal }) => signal === "SIGABRT")).toHaveLength(app.maxAttempts);
  expect(verdict.final.operations.get(POISON.id)).toMatchObject({
    state: "dead",
    error: "attempts_exhausted_by_crash",
    letter: true,
  });
  return verdict;
}

onEachBackend((fresh) => {
  // Rule 6 of DESIGN.md §3.
  test.sequential("an event that kills its process at every attempt is started maxAttempts times, then dead", async () => {
    await withRig({ backend: fresh(), app }, async (rig) => {
      const poisoned = rig.deliver(POISON);
      await rig.history.until("exit", ({ signal }) => signal === "SIGABRT");
      const others = Array.from({ length: 40 }, (_, i) => ({ id: `other${i}`, ms: i }));
      const answers = await Promise.all([poisoned, ...others.map(rig.deliver)]);
      expect(answers).not.toContain(undefined);
      expect((await judge(rig)).figures).toMatchObject({ completed: others.length, dead: 1 });
    });
  }, 60_000);

  // What was claimed in one moment is recovered in one moment: without care, the poison would end the process each time before any other ends.
  test.sequential("an event that kills its process takes no others with it", async () => {
    await withRig({ backend: fresh(), app, apps: 1 }, async (rig) => {
      const others = Array.from({ length: 6 }, (_, i) => ({ id: `other${i}`, ms: 100 }));
      await Promise.all([POISON, ...others].map(rig.deliver));
      expect((await judge(rig)).figures).toMatchObject({ completed: others.length, dead: 1 });
    });
  }, 60_000);
});
