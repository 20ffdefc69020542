import { expect, test } from "vitest";
import { runIn } from "../src/final.js";
import type { App } from "../src/fleet.js";
import { type Overtaken, pauseOwner } from "../src/paused-owner.js";
import { describe, withRig } from "../src/rig.js";
import { onEachBackend } from "./backends.js";

const PAUSES = 6;
const EVENTS = 3;

onEachBackend((fresh) => {
  // Rule 3 of DESIGN.md §3.
  test("a paused owner never completes over its successor, and never answers 2xx for a run that it lost", async () => {
    const app = { respondWithinMs: "never", leaseMs: 700, maxAttempts: 8 } as const;
    await withRig({ backend: fresh(), app }, async (rig) => {
      const overtaken: Overtaken[] = [];
      for (let pause = 0; pause < PAUSES; pause++) {
        const owner = rig.fleet.apps[pause % 2] as App;
        // In every second round the successor is still at work when the first owner comes back.
        const [ms, until] = pause % 4 < 2 ? ([600, "completed"] as const) : ([1_000, "begun"] as const);
        const events = Array.from({ length: EVENTS }, (_, i) => ({ id: `p${pause}.${i}`, ms }));
        overtaken.push(...(await pauseOwner(rig, owner, events, until)));
        expect(await rig.drain()).toBe(true);
      }
      const verdict = await rig.finish();
      console.log(describe(verdict));

      expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
      expect(verdict.figures).toMatchObject({ pauses: PAUSES, completed: PAUSES * EVENTS });
      // Otherwise nobody ever tried to write under a lost claim, and nothing was tested.
      expect(verdict.figures.fenced).toBeGreaterThanOrEqual(PAUSES * EVENTS);
      for (const { run, answer } of overtaken.filter(({ answer }) => answer.status !== 503)) {
        expect(answer).toMatchObject({ status: 200, replayed: true });
        expect(runIn(answer.body)).not.toBe(run);
      }
      // Both kinds of answer were seen: the successor's result, and "not known yet".
      const statuses = new Set(overtaken.map(({ answer }) => answer.status));
      expect(statuses).toEqual(new Set([200, 503]));
    });
  }, 120_000);
});
