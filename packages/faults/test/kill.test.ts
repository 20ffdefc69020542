import { expect, test } from "vitest";
import { describe } from "../src/rig.js";
import { storm } from "../src/storm.js";
import { onEachBackend } from "./backends.js";

const KILLS = 100;

onEachBackend((fresh) => {
  test(`${KILLS} kill -9 in the middle of events: every acknowledged event ends completed or dead, once`, async () => {
    const verdict = await storm({ backend: fresh(), kills: KILLS, senders: 4, app: { maxAttempts: 8 } });
    console.log(describe(verdict));

    expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
    expect(verdict.unacknowledged).toEqual([]);
    const { kills, killsInEvents, recovered, events } = verdict.figures;
    expect(kills).toBe(KILLS);
    // A run whose kills hit nothing would prove nothing.
    expect(killsInEvents).toBeGreaterThan(KILLS / 3);
    expect(recovered).toBeGreaterThan(KILLS / 4);
    expect(events).toBeGreaterThan(KILLS);
  }, 400_000);
});
