// The harness must be able to fail: each of these attacks is green on the store as it is, and red on a store with the bug.
import { expect, describe as group, test } from "vitest";
import type { AppTuning } from "../src/app-config.js";
import { BUGS, type BugName } from "../src/bugs.js";
import type { Rule } from "../src/checker.js";
import type { App } from "../src/fleet.js";
import { pauseOwner } from "../src/paused-owner.js";
import { describe, type Rig, withRig } from "../src/rig.js";
import { post } from "../src/sender.js";
import { onEachBackend } from "./backends.js";

interface Attack {
  act: (rig: Rig) => Promise<unknown>;
  app?: Partial<AppTuning>;
  /** At least one of these rules is broken. */
  breaks: readonly Rule[];
}

const firstApp = ({ fleet }: Rig): App => fleet.apps[0] as App;

const ATTACKS: Record<BugName, Attack> = {
  "no-token": {
    act: (rig) => pauseOwner(rig, firstApp(rig), [{ id: "paused", ms: 1_000 }], "begun"),
    app: { respondWithinMs: "never" },
    breaks: ["R2", "R5"],
  },
  "ack-before-complete": {
    async act(rig) {
      const app = firstApp(rig);
      const answer = await post(app.url, { id: "answered", ms: 0 }, 10_000, rig.note);
      expect(answer.status).toBe(200);
      await app.kill();
    },
    app: { respondWithinMs: "never" },
    breaks: ["R1", "R6"],
  },
  "count-at-failure": {
    async act({ deliver, history, tuning }) {
      await deliver({ id: "poison", ms: 0, aborts: true });
      const tooOften = () => history.of("start").length > tuning.maxAttempts;
      // One of them comes; the other one never does.
      await Promise.race([
        history.until("start", tooOften, 6_000).catch(() => {}),
        history.until("heard", ({ name }) => name === "dead", 6_000).catch(() => {}),
      ]);
    },
    app: { leaseMs: 300, maxAttempts: 2 },
    breaks: ["R8"],
  },
  "forget-letter": {
    act: ({ deliver }) => deliver({ id: "failing", ms: 0, fails: 99 }),
    breaks: ["R1", "R3"],
  },
  "never-settle": {
    act: ({ deliver }) => deliver({ id: "failing", ms: 0, fails: 99 }),
    breaks: ["R7"],
  },
  "claim-always": {
    async act({ fleet, note, history, deliver }) {
      const [first, second] = fleet.apps as [App, App];
      const answering = post(first.url, { id: "twice", ms: 1_500 }, 10_000, note);
      await history.until("start", ({ key }) => key === "twice");
      await post(second.url, { id: "twice", ms: 1_500 }, 10_000, note);
      await answering;
      await deliver({ id: "twice", ms: 1_500 });
    },
    breaks: ["R4"],
  },
  "lost-event": {
    async act(rig) {
      const app = firstApp(rig);
      const answer = await post(app.url, { id: "kept", ms: 2_000 }, 10_000, rig.note);
      expect(answer.status).toBe(202);
      await app.kill();
    },
    breaks: ["R1"],
  },
  "deaf-worker": {
    async act({ fleet, note }) {
      const answer = await post((fleet.apps[0] as App).url, { id: "waits", ms: 0, fails: 3 }, 10_000, note);
      expect(answer.status).toBe(202);
    },
    app: { initialDelayMs: 1_000, maxDelayMs: 1_000, jitter: "none" },
    breaks: ["R7"],
  },
};

onEachBackend((fresh) => {
  group("each bug turns the harness red", () => {
    test.each(Object.keys(BUGS) as BugName[])(
      "%s",
      async (bug) => {
        const { act, app, breaks } = ATTACKS[bug];
        const judge = (injected: BugName | undefined, drainMs: number) =>
          withRig({ backend: fresh(), app, bug: injected }, async (rig) => {
            await act(rig);
            return rig.finish(drainMs);
          });

        const sound = await judge(undefined, 20_000);
        expect(sound.violations, describe(sound)).toEqual([]);
        const broken = await judge(bug, 4_000);
        const rules = broken.violations.map(({ rule }) => rule);
        expect(
          breaks.some((rule) => rules.includes(rule)),
          `${bug} was not found.\n${describe(broken)}`,
        ).toBe(true);
      },
      90_000,
    );
  });
});
