/**
 * The contract of a store. Everything that decides whether an event is lost or runs twice is one of these verbs.
 *
 * - One verb is one atomic operation of the backend, and one network round trip.
 * - The *store's* clock decides about leases, due times and retention. All durations are milliseconds.
 * - Every write after the claim carries `owner` and `token`; a write that does not match both answers `false` and changes
 *   nothing. `true` means "this is still, or already, so because of you".
 * - Every verb may be sent twice, because a client may resend it after a lost reply: the second time gives the same answer
 *   until somebody else moved the operation on.
 * - A backend that cannot answer rejects. It never answers `false`, `undefined` or an empty list instead.
 *
 * `@hooklatch/testing` holds this contract as runnable cases; `life.ts` holds it as pure functions, for stores that can run
 * JavaScript inside a transaction.
 */
import type { ErrorRecord } from "./errors.js";

/** The identity of one operation. Kept in clear, as values, so that people can find it; never part of a key's name. */
export interface OperationId {
  /** The constant name of one wrapped handler, the same in every process. */
  scope: string;
  /** Whose key this is. */
  tenant?: string | undefined;
  /** The idempotency key. */
  key: string;
}

/** One start of the handler and how it ended. */
export interface AttemptRecord {
  /** 1-based within its round. */
  attempt: number;
  /** When it started, by the clock of the process that ran it (ms since the epoch). */
  startedAt: number;
  durationMs: number;
  /** Absent when the attempt succeeded. */
  error?: ErrorRecord | undefined;
  owner?: string | undefined;
  /** Filled in by the store. A new round begins with each redelivery of a dead operation and each replay. */
  round?: number | undefined;
}

/** An operator's replay. Kept with its operation, and shown in its letter. */
export interface ReplayRecord {
  /** The round of attempts that it began. */
  round: number;
  /** When it was asked for, by the store's clock (ms since the epoch). */
  at: number;
  replayId: string;
  /** Who asked for it. */
  by?: string | undefined;
  /** Why. */
  note?: string | undefined;
  /** What was changed in the event before: JSON pointers (RFC 6901) into its body, or `body`. Absent: it ran as it was kept. */
  changed?: readonly string[] | undefined;
}

export type OperationState = "running" | "waiting" | "completed" | "dead" | "released";

/**
 * What the store still owes the dead-letter sink for this operation (the outbox).
 * `push`: a letter to push. `pushed`: the sink has it. `remove`: the operation completed or was discarded, its letter must go.
 */
export type LetterNote = "none" | "push" | "pushed" | "remove";

export interface ClaimRequest {
  id: OperationId;
  /** Unique for each claim; the same in each resend of it. */
  owner: string;
  leaseMs: number;
  /** A different one under the same key is a mismatch; absent on either side is a match. */
  fingerprint?: string | undefined;
  /** The event to keep, as opaque bytes. Absent: nothing is kept, and the operation cannot be run again by a worker. */
  event?: Uint8Array | undefined;
  redelivery: "rerun" | "ignore";
  /** A dead operation is claimed again only when it has been dead for longer than this. */
  redeliveryAfterMs: number;
}

export type Claim =
  | {
      status: "claimed";
      token: number;
      attempt: number;
      /** A previous owner's lease ran out: its attempt crashed, was paused, or lost the store. */
      recovered: boolean;
      /** An operator put this operation back to work. */
      replay: boolean;
      /** The dead-letter sink has, or may have, a letter of this operation. */
      letter: boolean;
    }
  | { status: "running"; retryAfterMs: number; stored: boolean }
  | { status: "waiting"; retryAfterMs: number; stored: boolean }
  | { status: "completed"; result: Uint8Array | null }
  | { status: "dead"; error: ErrorRecord; letter: LetterNote; stored: boolean }
  | { status: "mismatch" };

/** What every fenced write carries. */
export interface Held {
  id: OperationId;
  owner: string;
  token: number;
}

export interface ExtendRequest extends Held {
  leaseMs: number;
  /** Raises the number of attempts to this one: sent before an in-request retry starts. */
  attempt?: number | undefined;
  /** The attempt that ended, kept by its attempt number. */
  ended?: AttemptRecord | undefined;
}
export interface CompleteRequest extends Held {
  /** `null`: completed, but the result is not kept. */
  result: Uint8Array | null;
  retentionMs: number;
  ended?: AttemptRecord | undefined;
}
export interface RetryRequest extends Held {
  delayMs: number;
  ended?: AttemptRecord | undefined;
  /**
   * The attempts that really started in this round; never raises what is recorded. Sent where an extension that recorded the next one got
   * no answer, so that a lost reply uses up no attempt. Default: as recorded.
   */
  attempt?: number | undefined;
  /** The claim is handed back before its attempt started: the attempt is not counted, and the next claim is `recovered` as this one was. */
  notStarted?: boolean | undefined;
}
export interface FailRequest extends Held {
  error: ErrorRecord;
  ended?: AttemptRecord | undefined;
  /** Note a letter to push. */
  letter: boolean;
}
export interface ReleaseRequest extends Held {
  /** How long the key stays bound to its fingerprint. */
  retentionMs: number;
}
export interface SettleRequest extends LetterVersion {
  id: OperationId;
  letter: "pushed" | "removed";
}
/** Which dead operation is given up: the one that is at the version of the letter that was seen. */
export interface DiscardRequest extends LetterVersion {
  id: OperationId;
}
export interface OutrankRequest extends LetterVersion {
  id: OperationId;
  /** The `bornAt` of the version that keeps this operation's letter out. */
  other: number;
}

export interface ScheduleRequest {
  id: OperationId;
  /**
   * The same id gives the same answer, so that a resumed bulk replay puts nothing back twice: also after other replays, as long as it is among those
   * that are kept.
   */
  replayId: string;
  /** The event to run, for an operation whose event the store no longer keeps. */
  event?: Uint8Array | undefined;
  delayMs: number;
  /** Refuse as `superseded` when the operation has another token by now. */
  expectedToken?: number | undefined;
  /** Refuse as `superseded` when it is another life of the operation by now: tokens begin again with each. */
  expectedBornAt?: number | undefined;
  /** Take over an operation that is running (token + 1). */
  force?: boolean | undefined;
  /** What is kept about this replay beside its id, its round and its time. */
  about?: Pick<ReplayRecord, "by" | "note" | "changed"> | undefined;
  /** The event as the sender delivered it, where `event` was edited. Kept beside it, unless one is kept already. */
  originalEvent?: Uint8Array | undefined;
  /** What the letter tells of an operation of which the store has no record: it is kept as if it had happened here. */
  past?: OperationPast | undefined;
}
/** What came before, of an operation that another store knew. */
export interface OperationPast {
  bornAt: number;
  /** Rounds that are over. */
  rounds: number;
  attempts: readonly AttemptRecord[];
  replays: readonly ReplayRecord[];
}
export type Scheduled = { status: "scheduled" | "running" | "completed" | "superseded" };

export interface ClaimDueRequest {
  scopes: readonly string[];
  /** Unique for each call; the same in each resend of it. */
  owner: string;
  leaseMs: number;
  /** The most that is handed out; at most the caller's free slots. */
  limit: number;
}

/** Where a letter stands: a newer life, then a newer token, wins. */
export interface LetterVersion {
  /** When this life of the operation began: its first claim, by the store's clock (ms since the epoch), or what `outrank` made of it. */
  bornAt: number;
  token: number;
}

export type DueWork =
  | {
      kind: "run";
      id: OperationId;
      token: number;
      attempt: number;
      recovered: boolean;
      replay: boolean;
      letter: boolean;
      event: Uint8Array;
    }
  /** The operation is dead and its letter is not confirmed by the sink. */
  | { kind: "push"; id: OperationId; token: number }
  /** The operation completed, or was discarded, and its letter is still in the queue. */
  | { kind: "remove"; id: OperationId; token: number; bornAt: number };

export interface OperationRecord {
  id: OperationId;
  state: OperationState;
  owner: string;
  token: number;
  /** Attempts started in this round. */
  attempt: number;
  round: number;
  fingerprint?: string | undefined;
  event?: Uint8Array | undefined;
  /** `null`: completed, result not kept. Absent: not completed. */
  result?: Uint8Array | null | undefined;
  error?: ErrorRecord | undefined;
  /** All rounds, oldest first. */
  attempts: AttemptRecord[];
  /** Oldest first; the last 200. */
  replays: ReplayRecord[];
  /** The event as the sender delivered it, where an operator edited it. */
  originalEvent?: Uint8Array | undefined;
  letter: LetterNote;
  /** Present on an operation that an operator put back to work. */
  replayId?: string | undefined;
  bornAt: number;
  /** When the state was last entered. */
  changedAt: number;
  leaseUntil?: number | undefined;
  dueAt?: number | undefined;
  expiresAt?: number | undefined;
}

export interface StoreStats {
  running: number;
  waiting: number;
  completed: number;
  dead: number;
  released: number;
  /** Letters not yet pushed or removed. */
  unsettled: number;
  /** Since when the oldest waiting operation has been due (ms since the epoch, the store's clock). */
  oldestWaitingAt?: number | undefined;
}

/** What a store's settings let it promise. For people: `hooklatch doctor` and the dashboard show it. */
export interface StoreDescription {
  /** `sqlite`, `redis`, `memory`, … */
  kind: string;
  /** Settings and versions, by name, as they were read from the store itself. */
  facts: Readonly<Record<string, string>>;
  /** Whether what the store confirmed is kept when something goes wrong. */
  promises: readonly StorePromise[];
  /** What to change, a sentence each. */
  warnings: readonly string[];
}
export interface StorePromise {
  /** What goes wrong: "the process is killed". */
  when: string;
  keeps: "everything" | "most" | "nothing" | "unknown";
  why: string;
}

export interface IdempotencyStore {
  /** What a stored event survives: `process` loses it with the process, `disk` keeps it. */
  readonly survives: "process" | "disk";
  /**
   * The table of DESIGN.md §3. A claim that takes an existing operation replaces its event with the one that came with it. So one that an
   * operator put back with an edited event is taken by workers alone, until this round ends: to a delivery it is `waiting` or `running`. Where a delivery
   * replaces an edited event later, `originalEvent` goes.
   */
  claim(request: ClaimRequest): Promise<Claim>;
  /** Renews the lease, even one that ran out, as long as nobody took over. */
  extend(request: ExtendRequest): Promise<boolean>;
  /** running → completed. Drops the event, and notes the operation's letter, if any, for removal. */
  complete(request: CompleteRequest): Promise<boolean>;
  /** running → waiting. */
  retry(request: RetryRequest): Promise<boolean>;
  /** running → dead. */
  fail(request: FailRequest): Promise<boolean>;
  /** The sink confirmed. `false`: the operation has moved on since. */
  settle(request: SettleRequest): Promise<boolean>;
  /**
   * dead → forgotten, but for what removes its letter: its version, and a note to remove it. Then it is absent. A delivery that comes before is
   * a new operation (attempt 1, round 1, no fingerprint, no history) which goes on with its tokens, so that its letter is the newer one, and whose completion
   * notes the removal. A replay that comes before is `superseded`. `false`: it is not dead at this version.
   */
  discard(request: DiscardRequest): Promise<boolean>;
  /**
   * The sink has, or removed, a letter that is newer although it is none of this operation: an imported one, or one from before a clock was set back.
   * Of a dead operation at this version whose letter is owed, `bornAt` becomes later than `other`, so that its letter is the newest. `false`: it has
   * moved on since, and a newer letter is what it should be.
   */
  outrank(request: OutrankRequest): Promise<boolean>;
  /** running → released. Refused (`false`) where an event is kept. */
  release(request: ReleaseRequest): Promise<boolean>;
  /** An operator's replay: puts the operation back to waiting and begins a new round. Rejects with `event_not_kept` when there is nothing to run. */
  schedule(request: ScheduleRequest): Promise<Scheduled>;
  /** Due, abandoned and unsettled work of these scopes, each handed to one caller. Never an operation without an event. */
  claimDue(request: ClaimDueRequest): Promise<DueWork[]>;
  get(id: OperationId): Promise<OperationRecord | undefined>;
  /** Forgets the operation in any state, at once. Its letter, if it has one, stays. */
  delete(id: OperationId): Promise<boolean>;
  stats(scope?: string): Promise<StoreStats>;
  /** The scopes of which the store has operations, in the order of their code units. */
  scopes?(): Promise<string[]>;
  describe?(): Promise<StoreDescription>;
  /** Forgets up to `limit` expired records; answers how many. Never touches one that is alive. */
  purge?(request: { limit: number }): Promise<number>;
  /** Closes only what the store opened. Afterwards every verb rejects with `store_closed`. */
  close?(): Promise<void>;
}
