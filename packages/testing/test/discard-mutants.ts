/** Stores that give up what they should keep, keep what was given up, or undo an edit. */
import * as life from "@hooklatch/core/life";
import { replacing, type StoreMutant, wrapping } from "./store-mutant.js";

const discarding: StoreMutant[] = [
  wrapping("discard forgets at once", "discard: nothing is left but", (store) => ({
    async discard({ id, token, bornAt }) {
      const found = await store.get(id);
      const isIt = found?.state === "dead" && found.token === token && found.bornAt === bornAt;
      return isIt && store.delete(id);
    },
  })),
  replacing("discard does not look at the life", "discard: another life of the operation stays", {
    discard: (found, r, now) => life.discard(found, { ...r, bornAt: found?.bornAt ?? r.bornAt }, now),
  }),
  replacing("discard does not look at the token", "discard: forgets a dead operation at this version", {
    discard: (found, r, now) => life.discard(found, { ...r, token: found?.token ?? r.token }, now),
  }),
  replacing("discard takes what is not dead", "discard: forgets a dead operation at this version", {
    discard: (found, r, now) => life.discard(found && { ...found, state: "dead" }, r, now),
  }),
  replacing("a discarded operation keeps its event", "discard: nothing is left but", {
    discard(found, r, now) {
      const { event: _, ...step } = life.discard(found, r, now);
      return step.next ? { ...step, next: { ...step.next, stored: true } } : step;
    },
  }),
  replacing("a discarded operation keeps its history", "discard: nothing is left but", {
    discard: (found, r, now) => afterDiscard(found, r, now, { attempts: found?.attempts ?? [] }),
  }),
  replacing(
    "a discarded key stays bound to its fingerprint",
    "discard: what is delivered before the letter",
    {
      discard: (found, r, now) => afterDiscard(found, r, now, { fingerprint: found?.fingerprint }),
    },
  ),
  replacing("a discarded operation goes on in its round", "discard: what is delivered before the letter", {
    discard: (found, r, now) => afterDiscard(found, r, now, { round: found?.round ?? 0 }),
  }),
  replacing(
    "a discarded operation is not dead until its letter went",
    "discard: a replay that comes before",
    {
      schedule: (found, r, now) => life.schedule(found && { ...found, letter: "none" }, r, now),
    },
  ),
  replacing(
    "the letter of a discarded operation is forgotten",
    "discard: what is delivered before the letter",
    {
      claim: (found, r, now) =>
        life.claim(found?.state === "released" ? { ...found, letter: "none" } : found, r, now),
    },
  ),
  replacing("the note of a discard is handed out to nobody", "discard: nothing is left but", {
    noteAt: (found) => (found.state === "released" ? undefined : life.noteAt(found)),
  }),
  replacing("settle does not look at the life", "settle: refused in another life", {
    settle: (found, r) => life.settle(found, { ...r, bornAt: found?.bornAt ?? r.bornAt }),
  }),
  replacing("outrank changes nothing", "outrank: a dead operation whose letter is owed", {
    outrank: (found, r) => ({ answer: life.outrank(found, r).answer }),
  }),
  replacing("outrank does not look at the version", "outrank: refused once the operation has moved on", {
    outrank: (found, r) =>
      life.outrank(found, { ...r, ...(found && { bornAt: found.bornAt, token: found.token }) }),
  }),
  replacing("outrank takes what owes nothing", "outrank: refused once the operation has moved on", {
    outrank: (found, r) => life.outrank(found && { ...found, state: "dead", letter: "push" }, r),
  }),
  replacing("outrank makes an operation older", "outrank: never makes an operation older", {
    outrank(found, r) {
      const step = life.outrank(found, r);
      return found && step.answer ? { ...step, next: { ...found, bornAt: r.other + 1 } } : step;
    },
  }),
  replacing("outrank, resent, is refused", "outrank: a dead operation whose letter is owed", {
    outrank: (found, r) => (found?.bornAt === r.bornAt ? life.outrank(found, r) : { answer: false }),
  }),
];

function afterDiscard(
  found: life.Life | undefined,
  r: Parameters<typeof life.discard>[1],
  now: number,
  change: Partial<life.Life>,
): ReturnType<typeof life.discard> {
  const step = life.discard(found, r, now);
  return step.next ? { ...step, next: { ...step.next, ...change } } : step;
}

const editing: StoreMutant[] = [
  replacing("a delivery takes an edited event", "claim: an edited event is run by workers alone", {
    claim: (found, r, now) => life.claim(found && { ...found, edited: false }, r, now),
  }),
  replacing(
    "a delivery takes an edited event whose lease ran out",
    "claim: an edited event is run by workers",
    {
      claim: (found, r, now) =>
        life.claim(found?.state === "running" ? { ...found, edited: false } : found, r, now),
    },
  ),
  replacing("a delivery takes no replay at all", "claim: a replay without an edit", {
    claim: (found, r, now) => life.claim(found && { ...found, edited: found.edited || found.replay }, r, now),
  }),
  replacing("an edit bars deliveries for ever", "claim: once the round of an edit is over", {
    claim: (found, r, now) =>
      found?.edited && found.state === "dead"
        ? { answer: { status: "waiting", retryAfterMs: 1, stored: true } }
        : life.claim(found, r, now),
  }),
  replacing("what is delivered is shown as an edit", "claim: once the round of an edit is over", {
    claim: (found, r, now) => {
      const { originalEvent, ...step } = life.claim(found, r, now);
      return step.next && originalEvent === null && found
        ? { ...step, next: { ...step.next, edited: found.edited } }
        : { ...step, ...(originalEvent === null && !found ? { originalEvent } : {}) };
    },
  }),
];

export const discardMutants: readonly StoreMutant[] = [...discarding, ...editing];
