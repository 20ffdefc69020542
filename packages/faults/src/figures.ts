/** What really happened in a run: a run in which nothing went wrong has proved nothing. */
import { storiesOf } from "./checker.js";
import type { FinalState } from "./final.js";
import type { Entry } from "./ledger.js";

export interface Figures {
  events: number;
  /** Answers of any kind. */
  answers: number;
  /** 2xx: of them `accepted` before the outcome was known. */
  acknowledged: number;
  accepted: number;
  refused: number;
  /** Deliveries without an answer: refused, reset, or given up by their sender. */
  unanswered: number;
  slowestAnswerMs: number;
  runs: number;
  /** Runs beyond the first of their event. */
  extraRuns: number;
  /** Claims of what a process that crashed, or was paused, had left. */
  recovered: number;
  /** Writes that were refused after somebody else had taken over. */
  fenced: number;
  completed: number;
  dead: number;
  /** Of them, those whose attempts were all cut short. */
  deadByCrash: number;
  kills: number;
  /** Kills of a process that was in the middle of at least one event. */
  killsInEvents: number;
  pauses: number;
  crashes: number;
  /** What was done to the store itself. */
  storeFaults: number;
}

export function figuresOf(entries: readonly Entry[], final: FinalState): Figures {
  const count = (matches: (entry: Entry) => boolean): number => entries.filter(matches).length;
  const ends = [...final.operations.values()];
  const runs = count(({ kind }) => kind === "start");
  const started = [...storiesOf(entries).values()].filter(({ starts }) => starts.length > 0).length;
  const answered = (from: number, to: number) =>
    count((entry) => entry.kind === "answer" && entry.status >= from && entry.status < to);
  return {
    events: final.operations.size,
    answers: answered(0, 1000),
    acknowledged: answered(200, 300),
    accepted: answered(202, 203),
    refused: answered(300, 1000),
    unanswered: count(({ kind }) => kind === "unanswered"),
    slowestAnswerMs: slowestAnswer(entries),
    runs,
    extraRuns: runs - started,
    recovered: count((entry) => entry.kind === "claimed" && entry.recovered),
    fenced: fencedIn(entries),
    completed: ends.filter(({ state }) => state === "completed").length,
    dead: ends.filter(({ state }) => state === "dead").length,
    deadByCrash: ends.filter(({ error }) => error === "attempts_exhausted_by_crash").length,
    kills: count((entry) => entry.kind === "fault" && entry.fault === "kill"),
    killsInEvents: killsInEvents(entries),
    pauses: count((entry) => entry.kind === "fault" && entry.fault === "pause"),
    crashes: count(({ kind }) => kind === "crash"),
    storeFaults: count((entry) => entry.kind === "storeFault" && entry.fault !== "up"),
  };
}

function slowestAnswer(entries: readonly Entry[]): number {
  let slowest = 0;
  for (const entry of entries) {
    if (entry.kind === "answer") slowest = Math.max(slowest, entry.at - entry.sentAt);
  }
  return Math.round(slowest);
}

function fencedIn(entries: readonly Entry[]): number {
  let fenced = 0;
  for (const { claims, writes } of storiesOf(entries).values()) {
    const overtaken = (token: number) => claims.some((claim) => claim.token > token);
    fenced += writes.filter(({ confirmed, token }) => !confirmed && overtaken(token)).length;
  }
  return fenced;
}

function killsInEvents(entries: readonly Entry[]): number {
  const open = new Map<string, Set<string>>();
  let hits = 0;
  for (const entry of entries) {
    const mine = open.get(entry.by) ?? new Set();
    if (entry.kind === "claimed") open.set(entry.by, mine.add(entry.key));
    else if (entry.kind === "wrote" && entry.verb !== "extend") mine.delete(entry.key);
    else if (entry.kind === "fault" && entry.fault === "kill" && (open.get(entry.to)?.size ?? 0) > 0) hits++;
  }
  return hits;
}
