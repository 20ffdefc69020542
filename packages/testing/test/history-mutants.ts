/** Stores that forget, mix up or make up what an operator did, or which scopes there are. */
import type { ReplayRecord } from "@hooklatch/core";
import * as life from "@hooklatch/core/life";
import type { Parts } from "./life-store.js";
import { replacing, type StoreMutant, wrapping } from "./store-mutant.js";

type Step = ReturnType<typeof life.schedule>;

/** Schedules, and changes what comes of it. */
function scheduled(change: (step: Step, found: life.Life | undefined) => Step): Partial<Parts> {
  return {
    schedule: (found, r, now) => {
      const step = life.schedule(found, r, now);
      return step.next ? change(step, found) : step;
    },
  };
}

const withReplays = (step: Step, replays: life.Life["replays"]): Step =>
  step.next ? { ...step, next: { ...step.next, replays } } : step;

export const historyMutants: readonly StoreMutant[] = [
  replacing(
    "no replay is written down",
    "schedule: keeps who replayed",
    scheduled((step) => withReplays(step, [])),
  ),
  replacing(
    "the last replay is written down alone",
    "schedule: keeps who replayed",
    scheduled((step) => withReplays(step, step.next?.replays.slice(-1) ?? [])),
  ),
  replacing("what a replay is about is not kept", "schedule: keeps who replayed", {
    schedule: (found, r, now) => life.schedule(found, { ...r, about: undefined }, now),
  }),
  replacing("a replay has no end of a history", "schedule: the last 200 replays", {
    schedule: (found, r, now) => {
      const step = life.schedule(found, r, now);
      const last = step.next?.replays.at(-1);
      return last && found && found.replays.length > 0 && found.replayId !== r.replayId
        ? withReplays(step, [...found.replays, last])
        : step;
    },
  }),
  replacing("a run forgets the history", "schedule: the history stays", {
    takeDue: (found, owner, leaseMs, now) => ({ ...life.takeDue(found, owner, leaseMs, now), replays: [] }),
  }),
  replacing("each edit takes the place of the event as it came", "schedule: of several edits", {
    schedule: (found, r, now) => life.schedule(found && { ...found, edited: false }, r, now),
  }),
  replacing(
    "the event as it came is not kept",
    "schedule: of several edits",
    scheduled(({ originalEvent: _, ...step }) => step),
  ),
  replacing("the past is not looked at", "schedule: an operation of which the store has no record", {
    schedule: (found, r, now) => life.schedule(found, { ...r, past: undefined }, now),
  }),
  replacing(
    "what is told of the past is believed of an operation that is there",
    "schedule: what is told of its past",
    {
      schedule: (found, r, now) =>
        life.schedule(
          found && r.past ? { ...found, bornAt: r.past.bornAt, round: r.past.rounds } : found,
          r,
          now,
        ),
    },
  ),
  replacing("a replay is written down in the round that it ended", "schedule: keeps who replayed", {
    schedule: (found, r, now) =>
      lastReplay(life.schedule(found, r, now), ({ round }) => ({ round: round - 1 })),
  }),
  replacing("a replay is written down for when it is due", "schedule: keeps who replayed", {
    schedule: (found, r, now) =>
      lastReplay(life.schedule(found, r, now), ({ at }) => ({ at: at + r.delayMs })),
  }),
  replacing("what was changed is not kept", "schedule: keeps who replayed", {
    schedule: (found, r, now) =>
      life.schedule(found, { ...r, about: { ...r.about, changed: undefined } }, now),
  }),
  replacing("a failure forgets the event as it came", "schedule: the history stays", {
    fail: (found, r, now) => ({ ...life.fail(found, r, now), originalEvent: null }),
  }),
  replacing("a replay without an edit forgets the event as it came", "schedule: of several edits", {
    schedule: (found, r, now) => ({
      originalEvent: r.originalEvent ?? null,
      ...life.schedule(found, r, now),
    }),
  }),
  replacing("an event that came without a byte is none", "schedule: an event that came without a byte", {
    schedule: (found, { originalEvent, ...r }, now) =>
      life.schedule(found, originalEvent?.byteLength ? { ...r, originalEvent } : r, now),
  }),
  ...(["bornAt", "rounds", "attempts", "replays"] as const).map((part) =>
    replacing(
      `of the past, ${part} is not looked at`,
      "schedule: an operation of which the store has no record",
      {
        schedule: (found, r, now) => {
          const none = { bornAt: now, rounds: 0, attempts: [], replays: [] };
          return life.schedule(found, { ...r, past: r.past && { ...r.past, [part]: none[part] } }, now);
        },
      },
    ),
  ),
  wrapping(
    "an operation that was there before is told no past",
    "schedule: of an operation whose retention",
    (store) => {
      const known = new Set<string>();
      return {
        claim(r) {
          known.add(r.id.key);
          return store.claim(r);
        },
        schedule: ({ past, ...r }) => store.schedule(known.has(r.id.key) ? r : { ...r, past }),
      };
    },
  ),
  wrapping(
    "the event as it came outlives its operation",
    ["delete: an operation that comes again", "claim: an operation whose retention is over"],
    (store) => {
      const originals = new Map<string, Uint8Array>();
      return {
        schedule(r) {
          if (r.originalEvent !== undefined) originals.set(r.id.key, r.originalEvent);
          return store.schedule(r);
        },
        async get(id) {
          const found = await store.get(id);
          return found && { originalEvent: originals.get(id.key), ...found };
        },
      };
    },
  ),
  replacing("scopes that are over are listed", "scopes: those that have operations", { inUse: () => true }),
  scoping("scopes come in any order", (scopes) => scopes.reverse()),
  scoping("scopes are listed for each operation", (scopes) => scopes.flatMap((scope) => [scope, scope])),
  scoping("scopes are ordered as people read", (scopes) => scopes.sort((a, b) => a.localeCompare(b))),
];

function lastReplay(step: Step, change: (replay: ReplayRecord) => Partial<ReplayRecord>): Step {
  const replays = step.next?.replays ?? [];
  const last = replays.at(-1);
  return last ? withReplays(step, [...replays.slice(0, -1), { ...last, ...change(last) }]) : step;
}

function scoping(flaw: string, change: (scopes: string[]) => string[]): StoreMutant {
  return wrapping(flaw, "scopes: those that have operations", (store) => ({
    scopes: async () => change((await store.scopes?.()) ?? []),
  }));
}
