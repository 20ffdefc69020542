/** What an operation owes the dead-letter sink, as pure functions: a part of life.ts, which gives them out. */
import type { Life, Step } from "./life.js";
import type { DiscardRequest, LetterVersion, OutrankRequest, SettleRequest } from "./store.js";

/** A letter that the sink refuses is offered again after 1, 2, 4, then always 8 leases. */
const MAX_NOTE_BACKOFF = 3;

/** When a worker may push or remove the operation's letter; `undefined`: nothing to do. */
export function noteAt(life: Life): number | undefined {
  const owed =
    (life.state === "dead" && life.letter === "push") ||
    (life.state === "completed" && life.letter === "remove") ||
    isDiscarded(life);
  return owed ? life.noteDueAt : undefined;
}

/** Given up, and its letter is still to be removed. */
export function isDiscarded(life: Life): boolean {
  return life.state === "released" && life.letter === "remove";
}

/** A letter that is owed from now on. */
export function owed(
  letter: "push" | "remove",
  now: number,
): Pick<Life, "letter" | "noteOwner" | "noteDueAt" | "noteTries"> {
  return { letter, noteOwner: undefined, noteDueAt: now, noteTries: 0 };
}

/** Hands an unsettled letter to a worker, and to the next one later if this one does not settle it. */
export function takeNote(life: Life, owner: string, leaseMs: number, now: number): Life {
  const backoff = 2 ** Math.min(life.noteTries, MAX_NOTE_BACKOFF);
  return { ...life, noteOwner: owner, noteTries: life.noteTries + 1, noteDueAt: now + leaseMs * backoff };
}

function isAt(life: Life | undefined, { bornAt, token }: LetterVersion): life is Life {
  return life !== undefined && life.bornAt === bornAt && life.token === token;
}

export function settle(life: Life | undefined, r: SettleRequest): Step<boolean> {
  if (!isAt(life, r)) return { answer: false };
  const [from, to] = r.letter === "pushed" ? (["push", "pushed"] as const) : (["remove", "none"] as const);
  const isItsState =
    r.letter === "pushed" ? life.state === "dead" : life.state === "completed" || life.state === "released";
  if (!isItsState) return { answer: false };
  if (life.letter === to) return { answer: true };
  if (life.letter !== from) return { answer: false };
  return {
    answer: true,
    next: { ...life, letter: to, noteOwner: undefined, noteDueAt: undefined, noteTries: 0 },
  };
}

export function discard(life: Life | undefined, r: DiscardRequest, now: number): Step<boolean> {
  if (!isAt(life, r)) return { answer: false };
  if (isDiscarded(life)) return { answer: true };
  if (life.state !== "dead") return { answer: false };
  const next: Life = {
    ...life,
    state: "released",
    // No owner: whoever held it before finds its commands refused.
    owner: "",
    // What comes next is a new operation, but for its version: it is newer than the letter that must go.
    attempt: 0,
    round: 0,
    fingerprint: undefined,
    stored: false,
    edited: false,
    error: undefined,
    attempts: [],
    replays: [],
    replayId: undefined,
    replay: false,
    changedAt: now,
    expiresAt: now,
    ...owed("remove", now),
  };
  return { answer: true, next, event: null, originalEvent: null };
}

export function outrank(life: Life | undefined, r: OutrankRequest): Step<boolean> {
  const bornAt = Math.max(r.bornAt, r.other + 1);
  const owes = (one: Life): boolean => one.state === "dead" && one.letter === "push";
  if (isAt(life, { ...r, bornAt }) && owes(life)) return { answer: true };
  if (!isAt(life, r) || !owes(life)) return { answer: false };
  return { answer: true, next: { ...life, bornAt } };
}
