/** Dead letters: what one holds, what a sink is, and what a queue answers. */
import type { ErrorRecord } from "./errors.js";
import type { AttemptRecord, LetterVersion, OperationId, ReplayRecord } from "./store.js";

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
  /** Every replay by an operator, oldest first; the last 200. Absent: none. */
  replays?: readonly ReplayRecord[] | undefined;
  /** The event as the sender delivered it, where an operator edited it. */
  originalEvent?: Uint8Array | undefined;
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
  push(letter: DeadLetter): Promise<unknown>;
}

/** Which letters: those that match everything that is given. A wrong one is rejected with `invalid_argument`. */
export interface DeadLetterQuery {
  scope?: string | undefined;
  tenant?: string | undefined;
  key?: string | undefined;
  /** Exactly the `error.name` or the `error.code` of the letter, which are those of its last attempt. */
  error?: string | undefined;
  /** Contained in the name, the code or the message of the letter's error, in any case. At most 200 characters. */
  errorText?: string | undefined;
  /** Only letters whose `firstFailedAt` is this or later (ms since the epoch). */
  firstFailedFrom?: number | undefined;
  /** Only letters whose `firstFailedAt` is earlier than this (ms since the epoch). */
  firstFailedBefore?: number | undefined;
  /** Only letters whose `diedAt`, the time of the last failure, is this or later (ms since the epoch). */
  diedFrom?: number | undefined;
  /** Only letters whose `diedAt` is earlier than this (ms since the epoch). */
  diedBefore?: number | undefined;
  /** Only letters that were replayed this often, or more. */
  minReplays?: number | undefined;
  /** Only letters that were replayed this often, or less. 0: never. */
  maxReplays?: number | undefined;
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
  /**
   * As a sink's. Resolves to the version that keeps this one out, where that is a newer one: of the letter that is there, or that was removed.
   * `as`: it comes from elsewhere, and changes no letter that is there, not even an older one; `restore`: nor does what was removed keep it out.
   */
  push(
    letter: DeadLetter,
    options?: { as?: "import" | "restore" | undefined },
  ): Promise<LetterVersion | undefined>;
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

/** The identity alone, of a letter for instance. */
export function operationOf({ scope, tenant, key }: OperationId): OperationId {
  return tenant === undefined ? { scope, key } : { scope, tenant, key };
}
