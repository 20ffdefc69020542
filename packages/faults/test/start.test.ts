import { expect, test } from "vitest";
import { describe, withRig } from "../src/rig.js";

test("processes that start at once on a new file all start", async () => {
  for (let round = 0; round < 5; round++) {
    await withRig({ apps: 4 }, async (rig) => {
      await Promise.all(Array.from({ length: 8 }, (_, i) => rig.deliver({ id: `e${i}`, ms: 0 })));
      const verdict = await rig.finish();
      expect(verdict.violations, describe(verdict)).toEqual([]);
      expect(verdict.figures.completed).toBe(8);
    });
  }
}, 60_000);
