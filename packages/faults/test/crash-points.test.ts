import { setTimeout as sleep } from "node:timers/promises";
import { expect, describe as group, test } from "vitest";
import { describe, type Rig, withRig } from "../src/rig.js";
import { CRASH_POINTS } from "../src/watch.js";
import { onEachBackend } from "./backends.js";

const app = { leaseMs: 600, pollMs: 50, maxDelayMs: 400, initialDelayMs: 300, redelivery: "rerun" } as const;

/** Every verb of the store and of the sink, at least once. */
async function allOfLife({ deliver, drain, tuning }: Rig): Promise<void> {
  const answers = await Promise.all(
    [
      { id: "quick", ms: 0 },
      { id: "slow", ms: 500 },
      { id: "fails-once", ms: 0, fails: 1 },
      { id: "fails-twice", ms: 0, fails: 2 },
      { id: "fails", ms: 0, fails: 99 },
      { id: "revived", ms: 0, fails: 99 },
    ].map(deliver),
  );
  expect(answers).not.toContain(undefined);
  expect(await drain()).toBe(true);
  // A dead operation that has been dead for long enough is run again by a delivery; its letter then goes.
  await sleep(tuning.maxDelayMs + 50);
  await deliver({ id: "revived", ms: 0 });
}

onEachBackend((fresh) => {
  // "Burying is an outbox" and rule 1 of DESIGN.md §3: whatever a crash comes between, the rest is finished by the next process.
  group("a crash at each point of an event's life", () => {
    test.each(CRASH_POINTS)(
      "%s",
      async (point) => {
        await withRig({ backend: fresh(), apps: 1, app, crashAt: point }, async (rig) => {
          await allOfLife(rig);
          const verdict = await rig.finish();
          const text = describe(verdict);

          expect(verdict.violations, text).toEqual([]);
          expect(rig.history.of("crash").map((crash) => crash.point)).toEqual([point]);
          expect(rig.history.of("exit").filter(({ asked }) => asked === null)).toHaveLength(1);
          const states = Object.fromEntries(
            [...verdict.final.operations].map(([key, { state }]) => [key, state]),
          );
          expect(states, text).toEqual({
            quick: "completed",
            slow: "completed",
            "fails-once": "completed",
            "fails-twice": "completed",
            fails: "dead",
            revived: "completed",
          });
        });
      },
      60_000,
    );
  });
});
