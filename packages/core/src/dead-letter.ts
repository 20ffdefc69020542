/**
 * Dead letters: what a sink is, how an operation is buried in one, and how an operator replays or discards a letter.
 *
 * Two systems (the store and the sink) cannot change at once, so burying is an outbox: the store notes what it owes the sink in the
 * same atomic step that makes the operation dead or completed; the note is settled only after the sink confirmed. Whoever finds an
 * unsettled note finishes it.
 */
import { type ErrorRecord, toErrorRecord } from "./errors.js";
import { letterId } from "./key.js";
import type {
  AttemptRecord,
  IdempotencyStore,
  LetterVersion,
  OperationId,
  OperationRecord,
  Scheduled,
} from "./store.js";

/** An operation whose attempts are exhausted, with all that is needed to understand it and to run it again. */
export interface DeadLetter extends LetterVersion {
  /** Hash of the operation's identity: one operation has at most one letter. */
  id: string;
  scope: string;
  tenant?: string | undefined;
  key: string;
  /** The event as the store kept it; `readStoredEvent` makes a `WebhookEvent` of one that a receiver kept. */
  event: Uint8Array;
  /** Of the last attempt. */
  error: ErrorRecord;
  /** Every attempt of every round, oldest first. One that left no record was cut short by a crash. */
  attempts: AttemptRecord[];
  /** Rounds of attempts: 1, and one more for each replay or redelivery. */
  rounds: number;
  firstFailedAt: number;
  diedAt: number;
  /**
   * When the letter first came into the queue, by the queue's clock, in ms since the epoch. Set by the queue on every letter that it gives
   * out; `push` ignores it. A newer version of a letter keeps it; one that comes back after its removal arrives anew. It never
   * decreases along the order of arrival.
   */
  arrivedAt?: number | undefined;
}

/** Anything that can keep a letter: a table, a queue, a topic. */
export interface DeadLetterSink {
  /**
   * Keeps the letter, durably, before it resolves. Idempotent by `letter.id`: of several, the one with the newest `bornAt`, then the
   * newest `token`, stays, whatever the order of their arrival.
   */
  push(letter: DeadLetter): Promise<void>;
}

/** Which letters: those that match everything that is given. A wrong one is rejected with `invalid_argument`. */
export interface DeadLetterQuery {
  scope?: string | undefined;
  tenant?: string | undefined;
  key?: string | undefined;
  /** Exactly the `error.name` or the `error.code` of the letter, which are those of its last attempt. */
  error?: string | undefined;
  /** Only letters whose `arrivedAt` is this or later (ms since the epoch). */
  arrivedFrom?: number | undefined;
  /** Only letters whose `arrivedAt` is earlier than this (ms since the epoch). */
  arrivedBefore?: number | undefined;
  /** 1 to 1000. Default: 100. */
  limit?: number | undefined;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
}

export interface DeadLetterPage {
  /** Newest arrival first. Letters that arrive between two pages do not shift the second. */
  letters: DeadLetter[];
  /** Absent on the last page. */
  nextCursor?: string | undefined;
}

/** A sink that can be read, so that its letters can be replayed. */
export interface DeadLetterQueue extends DeadLetterSink {
  list(query?: DeadLetterQuery): Promise<DeadLetterPage>;
  get(id: string): Promise<DeadLetter | undefined>;
  /**
   * Removes the letter, if it is not newer than `upTo`, and keeps out a push of that version or an older one that is still on its way.
   * Resolves to whether a letter was removed.
   */
  remove(id: string, upTo?: LetterVersion): Promise<boolean>;
  count(query?: Omit<DeadLetterQuery, "limit" | "cursor">): Promise<number>;
  /**
   * The ids of the scope's letters that are over the queue's retention or maximum: oldest arrival first, at most `limit` (1 to 1000).
   * Empty where neither is set. The queue removes nothing by itself, because a letter goes together with its operation: a worker of the
   * scope asks now and then, and discards. Absent: letters stay until they are removed.
   */
  expired?(request: { scope: string; limit: number }): Promise<string[]>;
  close?(): Promise<void>;
}

/** Whether version `a` is newer than version `b`. */
export function isNewer(a: LetterVersion, b: LetterVersion): boolean {
  return a.bornAt !== b.bornAt ? a.bornAt > b.bornAt : a.token > b.token;
}

/** Whether the sink is a queue whose letters can be over a limit. */
export function hasLimits(sink: DeadLetterSink | undefined): sink is Required<DeadLetterQueue> {
  const queue = sink as Partial<DeadLetterQueue> | undefined;
  return [queue?.expired, queue?.get, queue?.remove].every((verb) => typeof verb === "function");
}

function canRemove(sink: DeadLetterSink): sink is DeadLetterQueue {
  return typeof (sink as Partial<DeadLetterQueue>).remove === "function";
}

/** The letter of a dead operation; `undefined` if it is not dead, or its event is not kept. */
function letterOf(record: OperationRecord): DeadLetter | undefined {
  if (record.state !== "dead" || record.event === undefined) return undefined;
  const attempts = withCrashes(record);
  return {
    ...record.id,
    id: letterId(record.id),
    bornAt: record.bornAt,
    token: record.token,
    event: record.event,
    error: record.error ?? toErrorRecord(undefined),
    attempts,
    rounds: record.round,
    firstFailedAt: attempts[0]?.startedAt ?? record.changedAt,
    diedAt: record.changedAt,
  };
}

/** An attempt of the last round that left no record ended with its process: the letter says so rather than skip a number. */
function withCrashes(record: OperationRecord): AttemptRecord[] {
  const last = record.attempts.filter((a) => a.round === record.round);
  const crashed: AttemptRecord[] = [];
  // The claim that found the attempts exhausted was counted, but nothing was started under it.
  const started = record.error?.code === "attempts_exhausted_by_crash" ? record.attempt - 1 : record.attempt;
  for (let attempt = 1; attempt <= started; attempt++) {
    if (last.some((a) => a.attempt === attempt)) continue;
    const error = {
      name: "HooklatchError",
      code: "attempt_abandoned",
      message: "The attempt left no record: its process crashed, was paused, or lost the store.",
    };
    crashed.push({ attempt, round: record.round, startedAt: record.bornAt, durationMs: 0, error });
  }
  const earlier = record.attempts.filter((a) => a.round !== record.round);
  return [...earlier, ...[...last, ...crashed].sort((a, b) => a.attempt - b.attempt)];
}

/**
 * Pushes the letter of a dead operation and settles the note. Safe to call at any time, twice, and from several processes.
 * Resolves to the letter's id once the sink has it; to `undefined` when the operation owes no letter any more.
 * Rejects with the sink's or the store's error; the note then stays for the next worker.
 */
export async function bury(
  store: IdempotencyStore,
  sink: DeadLetterSink,
  id: OperationId,
): Promise<string | undefined> {
  const record = await store.get(id);
  const letter = record && letterOf(record);
  if (letter === undefined || record === undefined || record.letter === "none") return undefined;
  if (record.letter === "push") {
    await sink.push(letter);
    // Moved on meanwhile (redelivered, replayed, or discarded): its completion will note the removal of what was pushed here.
    await store.settle({ id, token: letter.token, letter: "pushed" });
  }
  return letter.id;
}

/** Removes the letter of a completed operation and settles the note. As safe to repeat as `bury`. */
export async function unbury(
  store: IdempotencyStore,
  sink: DeadLetterSink,
  id: OperationId,
  version: LetterVersion,
): Promise<void> {
  // A sink that cannot remove (a queue, a topic) keeps its copy; there is nothing more to do for it.
  if (canRemove(sink)) await sink.remove(letterId(id), version);
  await store.settle({ id, token: version.token, letter: "removed" });
}

export interface ReplayOptions {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  /** The letter's id. */
  id: string;
  /** The same replay id puts the letter back once, however often it is sent. Default: a random one. */
  replayId?: string;
  /** Default: 0. */
  delayMs?: number;
  /** Runs this instead of the stored event. */
  event?: Uint8Array;
}

export type Replayed = Scheduled | { status: "not_found" };

/**
 * Puts a dead letter back to work: a worker of its scope runs it with a full new round of attempts. The letter leaves the queue
 * when the operation completes, and gains attempts when it fails again.
 *
 * `completed`: it completed meanwhile, the letter was removed. `running`, `superseded`: it was delivered again meanwhile.
 */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const { store, deadLetters, id } = options;
  const letter = await deadLetters.get(id);
  if (letter === undefined) return { status: "not_found" };
  const scheduled = await store.schedule({
    id: operationOf(letter),
    replayId: options.replayId ?? globalThis.crypto.randomUUID(),
    event: options.event ?? letter.event,
    delayMs: options.delayMs ?? 0,
    expectedToken: letter.token,
  });
  if (scheduled.status === "completed") await deadLetters.remove(id, letter);
  return scheduled;
}

export interface DiscardOptions {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  id: string;
}

/**
 * Gives a dead letter up: removes the operation and its letter. A later delivery of the same event is then a new operation.
 * `running`: it was put back to work or delivered again meanwhile, nothing was removed.
 */
export async function discard(
  options: DiscardOptions,
): Promise<{ status: "discarded" | "running" | "not_found" }> {
  const { store, deadLetters, id } = options;
  const letter = await deadLetters.get(id);
  if (letter === undefined) return { status: "not_found" };
  // The operation first: a crash in between leaves a letter that can be discarded again, never an operation without its letter.
  if (!(await forgetOperation(store, letter))) return { status: "running" };
  await deadLetters.remove(id, letter);
  return { status: "discarded" };
}

/** The first half of discarding: `false` if the operation was put back to work or delivered again meanwhile, and the letter must stay. */
export async function forgetOperation(
  store: Pick<IdempotencyStore, "delete" | "get">,
  letter: DeadLetter,
): Promise<boolean> {
  const operation = operationOf(letter);
  if (await store.delete(operation, letter.token)) return true;
  const record = await store.get(operation);
  return record === undefined || record.state === "completed";
}

export function operationOf(letter: DeadLetter): OperationId {
  const { scope, tenant, key } = letter;
  return tenant === undefined ? { scope, key } : { scope, tenant, key };
}
