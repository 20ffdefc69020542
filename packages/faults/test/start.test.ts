import { expect, test } from "vitest";
import { describe, withRig } from "../src/rig.js";
import { onEachBackend } from "./backends.js";

const ROUNDS = 3;

onEachBackend((fresh) => {
  test("processes that start at once in a new place all start", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await withRig({ backend: fresh(), apps: 4 }, async (rig) => {
        await Promise.all(Array.from({ length: 8 }, (_, i) => rig.deliver({ id: `e${i}`, ms: 0 })));
        const verdict = await rig.finish();
        expect(verdict.violations, describe(verdict)).toEqual([]);
        expect(verdict.figures.completed).toBe(8);
      });
    }
  }, 60_000);
});
