import { expect, test } from "vitest";
import type { App } from "../src/fleet.js";
import { describe, type Verdict, withRig } from "../src/rig.js";
import { post } from "../src/sender.js";
import { onEachBackend } from "./backends.js";

const SENT_ONCE_MS = 10_000;

function expectNoViolation(verdict: Verdict): void {
  console.log(describe(verdict));
  expect(verdict.violations).toEqual([]);
}

onEachBackend((fresh) => {
  test("an event whose process died is finished by another one, without a redelivery", async () => {
    await withRig({ backend: fresh(), restart: false }, async ({ fleet, history, note, tuning, finish }) => {
      const [owner] = fleet.apps as [App];
      // Longer than the response window: it is acknowledged before the process dies.
      const answer = await post(owner.url, { id: "left", ms: 2_000 }, SENT_ONCE_MS, note);
      expect(answer.status).toBe(202);
      await owner.kill();
      const again = await history.until("start", ({ key, by }) => key === "left" && by !== owner.name);
      expect(again.attempt).toBe(2);
      const [claim] = history.of("claimed").filter(({ token }) => token === 2);
      expect(claim?.recovered).toBe(true);
      const [killed] = history.of("fault");
      // A lease, a poll, and what a busy machine adds to them.
      expect(again.at - (killed?.at ?? 0)).toBeLessThan(tuning.leaseMs + tuning.pollMs + 3_000);
      const verdict = await finish();
      expectNoViolation(verdict);
      expect(verdict.final.operations.get("left")?.state).toBe("completed");
      expect(history.of("answer")).toHaveLength(1);
    });
  }, 60_000);

  test("a waiting operation whose worker never came back is picked up by another process", async () => {
    const app = { initialDelayMs: 2_500, maxDelayMs: 2_500, jitter: "none" } as const;
    await withRig({ backend: fresh(), apps: 1, app }, async ({ fleet, history, note, finish }) => {
      const [owner] = fleet.apps as [App];
      const answer = await post(owner.url, { id: "later", ms: 0, fails: 1 }, SENT_ONCE_MS, note);
      expect(answer.status).toBe(202);
      await history.until("wrote", ({ verb, confirmed }) => verb === "retry" && confirmed);
      await owner.kill();
      const again = await history.until("start", ({ key, by }) => key === "later" && by !== owner.name);
      expect(again.attempt).toBe(2);
      const verdict = await finish();
      expectNoViolation(verdict);
      expect(verdict.final.operations.get("later")?.state).toBe("completed");
      expect(history.of("answer")).toHaveLength(1);
    });
  }, 60_000);
});
