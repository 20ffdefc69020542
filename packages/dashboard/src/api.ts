/**
 * What the page and its server say to each other, as JSON. Internal: both come in one package, so it may change with any version.
 *
 * Paths are relative to where the dashboard is mounted. `GET` changes nothing. Every `POST` carries `content-type: application/json` and the
 * header of `ACTION_HEADER`, and is refused unless it comes from the same origin. What goes wrong is `application/problem+json` (RFC 9457)
 * with a stable `code`.
 *
 * | request | answer |
 * |---|---|
 * | `GET api/session` | `Session` |
 * | `GET api/overview` | `Overview` |
 * | `GET api/letters?<Filter>&limit=&cursor=` | `LetterPage` |
 * | `GET api/letters/count?<Filter>` | `LetterCount` |
 * | `GET api/letters/closed?<Filter>` | `ClosedFilter` |
 * | `GET api/letters/<id>` | `LetterDetail` |
 * | `GET api/letters/<id>/event` | the body as it is kept, `application/octet-stream`, as a download |
 * | `GET api/operation?scope=&tenant=&key=` | `OperationDetail` |
 * | `POST api/letters/<id>/replay` `{ version, body?, note? }`; a `body` replaces the event's and needs `edit`, too | `Done` |
 * | `POST api/letters/<id>/discard` `{ version, note? }` | `Done` |
 * | `POST api/replay` `BulkRequest` | `BulkProgress` |
 * | `POST api/discard` `BulkRequest` | `BulkProgress` |
 * | `POST api/operation/release` `{ scope, tenant?, key, expectedToken, note? }`; the token that was seen: with another one by now it is `superseded` | `Done` |
 *
 * `version` is that of the letter that was seen: with another one by now it is `superseded`.
 *
 * Texts (keys, header values, bodies, error messages) come as they are: whoever shows them makes them harmless.
 * All times are ms since the epoch; all durations are ms.
 */

/** Sent with every `POST`; a form, an image or a link cannot. */
export const ACTION_HEADER = "x-hooklatch-action";

export type Action = "read" | "replay" | "edit" | "discard";

export interface Session {
  /** Who is looking, if `authorize` says so. */
  by?: string;
  /** What this person may do; what is not in here is hidden. `release` of an operation needs `replay`. */
  allow: Action[];
  readOnly: boolean;
  /** Shown in the page's head: which environment this is. */
  title: string;
  /** How often to ask for news. */
  pollMs: number;
  /** Whether letters can be searched by the text of their errors: not where that is shown redacted. */
  textSearch: boolean;
  /** Whether responses replayed, runs, and so on are counted (an `Activity` was given). */
  activity: boolean;
}

export interface ScopeCounts {
  scope: string;
  completed: number;
  running: number;
  waiting: number;
  dead: number;
  released: number;
  /** Letters not yet pushed or removed. */
  unsettled: number;
  /** Dead letters in the queue. */
  letters: number;
  oldestWaitingAt?: number;
  /** Since this process started; absent without an `Activity`. */
  since?: ActivityCounts;
}

/** What happened, as one process saw it. */
interface ActivityCounts {
  claimed: number;
  completed: number;
  /** Duplicates that were answered with the stored response. */
  replayed: number;
  retried: number;
  dead: number;
}

export interface Overview {
  /** The server's clock. */
  at: number;
  /** By name. Scopes that have operations, letters or activity. */
  scopes: ScopeCounts[];
  /** Dead letters in all scopes. */
  letters: number;
  /** Dead letters by when they arrived, oldest step first, 24 steps of an hour; the last one is not over. From the queue, so of all processes. */
  arrivals: { at: number; letters: number }[];
  /** As this process saw it since it started, the same 24 hours; absent without an `Activity`. */
  activity?: { since: number; stepMs: number; steps: ({ at: number } & ActivityCounts)[] };
  store: { kind: string; facts: Record<string, string>; warnings: string[] };
}

/** The names in a `Filter` whose values are texts, and those whose values are numbers. */
export const FILTER_TEXTS = ["scope", "tenant", "key", "error", "errorText"] as const;
export const FILTER_NUMBERS = [
  "firstFailedFrom",
  "firstFailedBefore",
  "diedFrom",
  "diedBefore",
  "arrivedFrom",
  "arrivedBefore",
  "minReplays",
  "maxReplays",
] as const;

/** Query parameters. Absent or empty: not filtered by. Times are ms since the epoch. */
export interface Filter {
  scope?: string;
  tenant?: string;
  key?: string;
  /** Exactly the error's name or code. */
  error?: string;
  /** Contained in the error's name, code or message. */
  errorText?: string;
  firstFailedFrom?: number;
  firstFailedBefore?: number;
  diedFrom?: number;
  diedBefore?: number;
  arrivedFrom?: number;
  arrivedBefore?: number;
  minReplays?: number;
  maxReplays?: number;
}

export interface LetterSummary {
  id: string;
  scope: string;
  tenant?: string;
  key: string;
  error: { name: string; code?: string; message: string };
  attempts: number;
  rounds: number;
  replays: number;
  edited: boolean;
  firstFailedAt: number;
  diedAt: number;
  arrivedAt?: number;
  /**
   * Of its operation, now. `dead`: nothing happens until somebody acts. `waiting`, `running`: it was put back or delivered again.
   * `completed`: it is done, and the letter is about to leave. `gone`: the store has no record (an imported letter); it can be replayed.
   */
  state: "dead" | "waiting" | "running" | "completed" | "released" | "gone" | "unknown";
  dueAt?: number;
}

export interface LetterPage {
  letters: LetterSummary[];
  nextCursor?: string;
}

export interface LetterCount {
  letters: number;
}

/** For a bulk action: a filter that finds nothing which arrives later, and how many letters it finds. */
export interface ClosedFilter {
  filter: Filter;
  letters: number;
}

export interface Attempt {
  round: number;
  attempt: number;
  startedAt: number;
  durationMs: number;
  owner?: string;
  error?: ErrorShown;
}

export interface ErrorShown {
  name: string;
  code?: string;
  message: string;
  stack?: string;
}

export interface Replay {
  round: number;
  at: number;
  replayId: string;
  by?: string;
  note?: string;
  /** JSON pointers of what an edit changed; absent: replayed as it was. */
  changed?: string[];
}

export interface EventShown {
  /** Absent for the input of a plain function, which has a body alone. */
  method?: string;
  url?: string;
  receivedAt?: number;
  /** In the order of their arrival; credentials are left out. */
  headers?: [name: string, value: string][];
  /** As UTF-8; absent when it is not UTF-8. */
  text?: string;
  bytes: number;
  /** `text` is only the beginning (64 KiB): the download has all. */
  cut: boolean;
  /** Whether what is shown of the body differs from what is kept: it cannot be edited here. */
  redacted: boolean;
}

export interface LetterDetail extends LetterSummary {
  /** Goes back with what is done to it, so that it is done to this version alone. */
  version: { bornAt: number; token: number };
  errorShown: ErrorShown;
  event: EventShown;
  /** What the sender delivered, where it was edited. */
  original?: EventShown;
  /** Every attempt of every round, oldest first. */
  timeline: Attempt[];
  replayHistory: Replay[];
  /** A command that sends the event again, credentials left out. Absent for the input of a plain function. */
  curl?: string;
}

export interface OperationDetail {
  scope: string;
  tenant?: string;
  key: string;
  state: "running" | "waiting" | "completed" | "dead" | "released";
  owner: string;
  token: number;
  attempt: number;
  round: number;
  bornAt: number;
  changedAt: number;
  leaseUntil?: number;
  dueAt?: number;
  expiresAt?: number;
  /** The event is kept, so that it can be run again. */
  stored: boolean;
  /** Bytes of the stored result; `null`: completed, but the result was not kept; absent: not completed. */
  resultBytes?: number | null;
  error?: ErrorShown;
  timeline: Attempt[];
  replayHistory: Replay[];
  /** Of its dead letter, if the queue has one. */
  letterId?: string;
  event?: EventShown;
}

/** By ids, or by filter. The page calls it again with `next` until that is absent; the same `batchId` never puts a letter back twice. */
export interface BulkRequest {
  batchId: string;
  ids?: string[];
  filter?: Filter;
  /** Where the step before stopped. */
  next?: string;
  /** Of replays: how many become due in each second. 1 to 1000; default 10. */
  perSecond?: number;
  note?: string;
}

/** Of this step alone. */
export interface BulkProgress {
  done: number;
  /** Put back by this batch before. */
  already: number;
  /** Refused or failed, with the reason: `running`, `completed`, `superseded`, `not_found`, `failed`. */
  left: { id: string; status: string }[];
  next?: string;
}

/**
 * What became of one letter or operation. `scheduled`: a worker runs it. `discarded`. `released`: the key is free again.
 * Refused: `running`, `completed`, `superseded`, `not_found`.
 */
export interface Done {
  status: "scheduled" | "discarded" | "released" | "running" | "completed" | "superseded" | "not_found";
}
