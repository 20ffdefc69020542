/**
 * The life of an operation (DESIGN.md §3) as pure functions: what each verb of a store answers and changes, given what is stored
 * and what time the store says it is. A store that can run JavaScript inside one atomic transaction (memory, SQLite) calls these
 * and only has to read and write; any other store implements the same table in its own language.
 *
 * A step without `next` changes nothing. `event` and `result` are given only where they change, so that a store need not
 * read or rewrite payloads for a heartbeat.
 */
import { type ErrorRecord, HooklatchError } from "./errors.js";
import { isDiscarded, owed } from "./life-letters.js";
import type {
  AttemptRecord,
  Claim,
  ClaimRequest,
  CompleteRequest,
  ExtendRequest,
  FailRequest,
  Held,
  LetterNote,
  OperationId,
  OperationRecord,
  OperationState,
  ReleaseRequest,
  ReplayRecord,
  RetryRequest,
  Scheduled,
  ScheduleRequest,
} from "./store.js";

export { discard, noteAt, outrank, settle, takeNote } from "./life-letters.js";

/** One stored operation without its payloads. Times are ms since the epoch by the store's clock. */
export interface Life {
  state: OperationState;
  /** Of the last claim; kept after the transition that ended it, so that a resent command is recognised. */
  owner: string;
  token: number;
  attempt: number;
  /** Whether the last claim took it from an owner whose lease had run out. */
  recovered: boolean;
  round: number;
  fingerprint?: string | undefined;
  /** Whether an event is kept. */
  stored: boolean;
  /** Whether the event as the sender delivered it is kept beside one that an operator edited. */
  edited: boolean;
  error?: ErrorRecord | undefined;
  attempts: AttemptRecord[];
  replays: ReplayRecord[];
  letter: LetterNote;
  /** Of the last `claimDue` that handed the letter out. */
  noteOwner?: string | undefined;
  noteDueAt?: number | undefined;
  noteTries: number;
  replayId?: string | undefined;
  replay: boolean;
  bornAt: number;
  changedAt: number;
  leaseUntil?: number | undefined;
  dueAt?: number | undefined;
  expiresAt?: number | undefined;
}

export interface Step<Answer> {
  answer: Answer;
  next?: Life;
  /** `null`: forget the stored event. Absent: unchanged. */
  event?: Uint8Array | null;
  /** Absent: unchanged. */
  result?: Uint8Array | null;
  /** `null`: forget it. Absent: unchanged. */
  originalEvent?: Uint8Array | null;
}

/** Records that keep no event and were abandoned by their owner go after this time. */
const ABANDONED_RETENTION_MS = 24 * 60 * 60 * 1000;
/** Attempts kept for one operation; the oldest go first. */
const MAX_ATTEMPTS_KEPT = 200;
const MAX_REPLAYS_KEPT = 200;
/** When to ask again about work that only workers take, and that is due. */
const WORKERS_TURN_MS = 1000;

/** Whether the operation counts as absent. One that still owes the sink a removal stays until that is settled. */
export function isExpired(life: Life, now: number): boolean {
  if (life.letter === "remove") return false;
  if (life.state === "completed" || life.state === "released")
    return life.expiresAt !== undefined && life.expiresAt <= now;
  return life.state === "running" && !life.stored && (life.leaseUntil ?? 0) + ABANDONED_RETENTION_MS <= now;
}

/** When a worker may run the operation; `undefined`: never. An operation without an event is nobody's due work. */
export function runnableAt(life: Life): number | undefined {
  if (!life.stored) return undefined;
  if (life.state === "running") return life.leaseUntil;
  return life.state === "waiting" ? life.dueAt : undefined;
}

/** `completed` leaves the result to the store, which need not read it for any other answer. */
export type ClaimAnswer = Exclude<Claim, { status: "completed" }> | { status: "completed" };

/** The life of an operation that is claimed for the first time. */
export function born(
  r: Pick<ClaimRequest, "owner" | "leaseMs" | "fingerprint" | "event">,
  now: number,
): Life {
  return {
    state: "running",
    owner: r.owner,
    token: 1,
    attempt: 1,
    recovered: false,
    round: 1,
    fingerprint: r.fingerprint,
    stored: r.event !== undefined,
    edited: false,
    attempts: [],
    replays: [],
    letter: "none",
    noteTries: 0,
    replay: false,
    bornAt: now,
    changedAt: now,
    leaseUntil: now + r.leaseMs,
  };
}

export function claim(found: Life | undefined, r: ClaimRequest, now: number): Step<ClaimAnswer> {
  const life = found !== undefined && isExpired(found, now) ? undefined : found;
  if (life === undefined) {
    const next = born(r, now);
    return { ...claimed(next), event: r.event ?? null, result: null, originalEvent: null };
  }
  if (life.fingerprint !== undefined && r.fingerprint !== undefined && life.fingerprint !== r.fingerprint) {
    return { answer: { status: "mismatch" } };
  }
  switch (life.state) {
    case "completed":
      return { answer: { status: "completed" } };
    case "running": {
      if (life.owner === r.owner) return claimed({ ...life, leaseUntil: now + r.leaseMs });
      const left = (life.leaseUntil ?? 0) - now;
      if (left > 0) return { answer: { status: "running", retryAfterMs: left, stored: life.stored } };
      if (runsEdited(life))
        return { answer: { status: "running", retryAfterMs: WORKERS_TURN_MS, stored: true } };
      return takenByDelivery(life, r, now, life.attempt + 1);
    }
    case "waiting": {
      const left = (life.dueAt ?? 0) - now;
      if (left > 0) return { answer: { status: "waiting", retryAfterMs: left, stored: life.stored } };
      if (runsEdited(life))
        return { answer: { status: "waiting", retryAfterMs: WORKERS_TURN_MS, stored: true } };
      return takenByDelivery(life, r, now, life.attempt + 1);
    }
    case "released":
      // Of a discarded one, the letter may still be in the queue.
      return takenByDelivery(
        { ...life, round: life.round + 1, letter: life.letter === "none" ? "none" : "pushed" },
        r,
        now,
        1,
      );
    case "dead": {
      if (r.redelivery === "ignore" || now - life.changedAt < r.redeliveryAfterMs) {
        const error = life.error ?? { name: "Error", message: "unknown" };
        return { answer: { status: "dead", error, letter: life.letter, stored: life.stored } };
      }
      return takenByDelivery({ ...life, round: life.round + 1, replay: false }, r, now, 1);
    }
  }
}

/** An operator's edit runs: a delivery would bring back what was edited, so only workers take it, until this round ends. */
function runsEdited(life: Life): boolean {
  return life.edited && life.replay && life.stored;
}

function takenByDelivery(life: Life, r: ClaimRequest, now: number, attempt: number): Step<ClaimAnswer> {
  const next = take(life, r.owner, r.leaseMs, now, attempt);
  next.fingerprint = r.fingerprint ?? life.fingerprint;
  if (r.event === undefined) return claimed(next);
  const step = { ...claimed({ ...next, stored: true, edited: false }), event: r.event };
  // What is kept now is no edit any more.
  return life.edited ? { ...step, originalEvent: null } : step;
}

function take(life: Life, owner: string, leaseMs: number, now: number, attempt: number): Life {
  return {
    ...life,
    state: "running",
    owner,
    token: life.token + 1,
    attempt,
    // Also one that was handed back before its attempt started: the crash before is still the last thing that happened to it.
    recovered: life.state === "running" || (life.state === "waiting" && life.recovered),
    error: undefined,
    changedAt: now,
    leaseUntil: now + leaseMs,
    dueAt: undefined,
    expiresAt: undefined,
  };
}

function claimed(next: Life): Step<ClaimAnswer> {
  const { token, attempt, recovered, replay } = next;
  return {
    answer: { status: "claimed", token, attempt, recovered, replay, letter: next.letter !== "none" },
    next,
  };
}

function holds(life: Life | undefined, r: Held): life is Life {
  return life !== undefined && life.owner === r.owner && life.token === r.token;
}

/** A fenced write: it moves a running operation of this owner and token, or finds that it already did. */
function moved(
  life: Life | undefined,
  r: Held,
  to: OperationState,
  change: (next: Life, running: Life) => void,
): Step<boolean> {
  if (!holds(life, r)) return { answer: false };
  if (life.state === to) return { answer: true };
  if (life.state !== "running") return { answer: false };
  const next: Life = { ...life, state: to, leaseUntil: undefined };
  change(next, life);
  return { answer: true, next };
}

export function extend(life: Life | undefined, r: ExtendRequest, now: number): Step<boolean> {
  if (!holds(life, r) || life.state !== "running") return { answer: false };
  const next: Life = {
    ...life,
    leaseUntil: now + r.leaseMs,
    attempt: Math.max(life.attempt, r.attempt ?? 0),
    attempts: withEnded(life, r.ended),
  };
  return { answer: true, next };
}

export function complete(life: Life | undefined, r: CompleteRequest, now: number): Step<boolean> {
  const step = moved(life, r, "completed", (next, running) => {
    next.stored = false;
    next.attempts = withEnded(running, r.ended);
    next.changedAt = now;
    next.expiresAt = now + r.retentionMs;
    if (running.letter !== "none") Object.assign(next, owed("remove", now));
  });
  return step.next === undefined ? step : { ...step, event: null, result: r.result };
}

export function retry(life: Life | undefined, r: RetryRequest, now: number): Step<boolean> {
  return moved(life, r, "waiting", (next, running) => {
    const started = Math.min(running.attempt, r.attempt ?? running.attempt);
    next.attempt = r.notStarted ? Math.max(0, started - 1) : started;
    next.recovered = r.notStarted === true && running.recovered;
    next.attempts = withEnded(running, r.ended);
    next.changedAt = now;
    next.dueAt = now + r.delayMs;
  });
}

export function fail(life: Life | undefined, r: FailRequest, now: number): Step<boolean> {
  return moved(life, r, "dead", (next, running) => {
    next.error = r.error;
    next.attempts = withEnded(running, r.ended);
    next.changedAt = now;
    if (r.letter) Object.assign(next, owed("push", now));
  });
}

export function release(life: Life | undefined, r: ReleaseRequest, now: number): Step<boolean> {
  if (life?.stored) return { answer: false };
  return moved(life, r, "released", (next) => {
    next.changedAt = now;
    next.expiresAt = now + r.retentionMs;
  });
}

/** @throws {HooklatchError} `event_not_kept` when neither the store nor the request has an event to run. */
export function schedule(found: Life | undefined, r: ScheduleRequest, now: number): Step<Scheduled> {
  const life = found !== undefined && isExpired(found, now) ? undefined : found;
  if (life !== undefined) {
    const known = life.replayId === r.replayId || life.replays.some((one) => one.replayId === r.replayId);
    if (known) return { answer: { status: "scheduled" } };
    if (life.state === "completed") return { answer: { status: "completed" } };
    if (life.state === "running" && r.force !== true) return { answer: { status: "running" } };
    if (isDiscarded(life) || !isExpected(life, r)) return { answer: { status: "superseded" } };
  }
  if (r.event === undefined && !life?.stored) {
    throw new HooklatchError(
      "event_not_kept",
      "There is no event to run again: pass `event`, as kept in the dead letter.",
    );
  }
  const { past } = r;
  const round = (life?.round ?? past?.rounds ?? 0) + 1;
  const replays = [...((life ?? past)?.replays ?? []), { round, at: now, replayId: r.replayId, ...r.about }];
  const next: Life = {
    state: "waiting",
    // No owner: whoever held it before finds its commands refused.
    owner: "",
    token: life === undefined ? (r.expectedToken ?? 0) : life.token + (life.state === "running" ? 1 : 0),
    attempt: 0,
    recovered: false,
    round,
    fingerprint: life?.fingerprint,
    stored: true,
    edited: life?.edited === true || r.originalEvent !== undefined,
    attempts: [...((life ?? past)?.attempts ?? [])],
    replays: replays.slice(-MAX_REPLAYS_KEPT),
    letter: life?.letter ?? "pushed",
    noteTries: 0,
    replayId: r.replayId,
    replay: true,
    bornAt: (life ?? past)?.bornAt ?? now,
    changedAt: now,
    dueAt: now + r.delayMs,
  };
  return {
    answer: { status: "scheduled" },
    next,
    ...(r.event === undefined ? {} : { event: r.event }),
    ...(life === undefined ? { result: null, originalEvent: r.originalEvent ?? null } : {}),
    // Of several edits, the first one replaced what the sender delivered.
    ...(life?.edited === false && r.originalEvent !== undefined ? { originalEvent: r.originalEvent } : {}),
  };
}

function isExpected(
  life: Life,
  { expectedToken = life.token, expectedBornAt = life.bornAt }: ScheduleRequest,
): boolean {
  return life.token === expectedToken && life.bornAt === expectedBornAt;
}

/** Hands an abandoned or due operation to a worker. The caller has checked `runnableAt`. */
export function takeDue(life: Life, owner: string, leaseMs: number, now: number): Life {
  return take(life, owner, leaseMs, now, life.attempt + 1);
}

/**
 * Which of the due operations and unsettled letters one call of `claimDue` hands out, oldest first. When there are more than places, half
 * of them go to letters and half to operations, so that neither a sink that is down nor a flood of events keeps out the other.
 */
export function shareOut<Due extends { at: number }>(runs: Due[], letters: Due[], limit: number): Due[] {
  const oldest = (due: Due[], most: number) => [...due].sort((a, b) => a.at - b.at).slice(0, most);
  if (limit === 1) return oldest([...runs, ...letters], 1);
  const taken = oldest(letters, Math.max(Math.floor(limit / 2), limit - runs.length));
  return [...taken, ...oldest(runs, limit - taken.length)];
}

/** The public form of an operation; the store adds `event` and `result`. */
export function recordOf(id: OperationId, life: Life): Omit<OperationRecord, "event" | "result"> {
  const {
    stored: _,
    edited: _e,
    replay: _r,
    recovered: _c,
    noteOwner: _n,
    noteDueAt: _d,
    noteTries: _t,
    ...rest
  } = life;
  const set = Object.entries(rest).filter(([, value]) => value !== undefined);
  return { id: { ...id }, ...(Object.fromEntries(set) as typeof rest) };
}

function withEnded(life: Life, ended: AttemptRecord | undefined): AttemptRecord[] {
  if (ended === undefined) return life.attempts;
  const record: AttemptRecord = { ...ended, owner: ended.owner ?? life.owner, round: life.round };
  if (life.attempts.length === 0) return [record];
  const others = life.attempts.filter((a) => a.round !== record.round || a.attempt !== record.attempt);
  // A resent record keeps its place: attempts are listed as they were made.
  const order = (a: AttemptRecord, b: AttemptRecord) =>
    (a.round ?? 0) - (b.round ?? 0) || a.attempt - b.attempt;
  return [...others, record].sort(order).slice(-MAX_ATTEMPTS_KEPT);
}
