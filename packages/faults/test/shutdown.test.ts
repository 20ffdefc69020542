import { expect, test } from "vitest";
import { terminateSome } from "../src/nemesis.js";
import { describe, withRig } from "../src/rig.js";
import { startLoad } from "../src/sender.js";
import { onEachBackend } from "./backends.js";

const TERMINATIONS = 5;

onEachBackend((fresh) => {
  // "Shutdown" of DESIGN.md §3.
  test("SIGTERM under load: nothing is lost, what had not started is not counted, and every process ends with code 0", async () => {
    await withRig(
      { backend: fresh(), app: { maxAttempts: 8, leaseMs: 15_000 } },
      async ({ fleet, random, senders, history, finish }) => {
        const load = startLoad(8, senders);
        await terminateSome({ fleet, random, times: TERMINATIONS, everyMs: [200, 600] });
        const { unacknowledged } = await load.stop();
        const verdict = await finish();
        console.log(describe(verdict));
        expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
        expect(unacknowledged).toEqual([]);
        const exits = history.of("exit");
        expect(exits.length).toBeGreaterThanOrEqual(TERMINATIONS + 2);
        expect(exits.filter(({ code, asked }) => code !== 0 || asked !== "term")).toEqual([]);
        // Nothing crashed: an event was started as often as it failed, and once more if it did not die.
        const failed = history.of("failed").length;
        const { runs, completed } = verdict.figures;
        expect(runs).toBe(failed + completed);
        expect(verdict.figures.recovered).toBe(0);
      },
    );
  }, 60_000);
});
