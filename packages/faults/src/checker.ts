/** Holds the history of a run and what is left at its end against what is promised. The names of the rules: failures.md §4.3. */
import type { AppTuning } from "./app-config.js";
import { type FinalOperation, type FinalState, runIn } from "./final.js";
import type { Entry, Fact } from "./ledger.js";

export const RULES = {
  R1: "nothing acknowledged is lost",
  R2: "at most one completion",
  R3: "completed, or dead with its letter, never both",
  R4: "no run while another one's lease is valid",
  R5: "no write of a stale token is accepted",
  R6: "all results given for an event are the stored one",
  R7: "nothing is left undone",
  R8: "every run is explained",
  R9: "only answers of the contract",
  exits: "no process ends by itself",
  integrity: "the data at rest are sound",
  counts: "the store counts what it keeps",
} as const;

export type Rule = keyof typeof RULES;

export interface Violation {
  rule: Rule;
  key?: string;
  text: string;
}

export interface CheckOptions extends Pick<AppTuning, "leaseMs" | "maxAttempts"> {
  entries: readonly Entry[];
  final: FinalState;
}

/** Two clocks, the store's and the ledger's, measure the same lease. */
const TOLERANCE_MS = 30;

type Of<Kind extends Fact["kind"]> = Extract<Entry, { kind: Kind }>;

/** All that happened to one event. */
class Story {
  readonly answers: Of<"answer">[] = [];
  readonly claims: Of<"claimed">[] = [];
  readonly sent: Of<"sent">[] = [];
  readonly writes: Of<"wrote">[] = [];
  readonly starts: Of<"start">[] = [];
  readonly effects = new Set<string>();
  readonly failed = new Set<string>();

  add(entry: Entry): void {
    if (entry.kind === "answer") this.answers.push(entry);
    else if (entry.kind === "claimed") this.claims.push(entry);
    else if (entry.kind === "sent") this.sent.push(entry);
    else if (entry.kind === "wrote") this.writes.push(entry);
    else if (entry.kind === "start") this.starts.push(entry);
    else if (entry.kind === "effect") this.effects.add(entry.run);
    else if (entry.kind === "failed") this.failed.add(entry.run);
  }

  acknowledged(): boolean {
    return this.answers.some(({ status }) => status >= 200 && status < 300);
  }

  /** Until when the lease of this token held at least: the store counted from a moment after the request was sent. */
  leaseHeldUntil(token: number, leaseMs: number): number {
    const renewals = [
      ...this.claims.filter((claim) => claim.token === token),
      ...this.writes.filter((write) => write.verb === "extend" && write.token === token && write.confirmed),
    ];
    return Math.max(...renewals.map(({ sentAt }) => sentAt)) + leaseMs;
  }
}

export function storiesOf(entries: readonly Entry[]): Map<string, Story> {
  const stories = new Map<string, Story>();
  for (const entry of entries) {
    if (!("key" in entry) || entry.key === "") continue;
    let story = stories.get(entry.key);
    if (story === undefined) {
      story = new Story();
      stories.set(entry.key, story);
    }
    story.add(entry);
  }
  return stories;
}

export function check({ entries, final, leaseMs, maxAttempts }: CheckOptions): Violation[] {
  const violations: Violation[] = [];
  for (const [key, story] of storiesOf(entries)) {
    const left = final.operations.get(key);
    const report = (rule: Rule, text: string) => violations.push({ rule, key, text });
    if (left === undefined) {
      report("R7", "The final state was not read.");
      continue;
    }
    checkEnd(story, left, report);
    checkCompletions(story, left, report);
    checkTokens(story, leaseMs, report);
    checkRuns(story, left, maxAttempts, report);
    for (const { status, body } of story.answers) {
      if (![200, 202, 503].includes(status)) report("R9", `answered ${status} ${body}`);
    }
  }
  const { unfinished, completed, dead } = final.counts;
  if (unfinished > 0) {
    violations.push({ rule: "R7", text: `${unfinished} operations or letters are not finished.` });
  }
  if (final.integrity !== "ok") violations.push({ rule: "integrity", text: final.integrity });
  const ends = [...final.operations.values()].map(({ state }) => state);
  for (const [state, counted] of Object.entries({ completed, dead })) {
    const found = ends.filter((end) => end === state).length;
    if (counted !== found)
      violations.push({ rule: "counts", text: `${found} are ${state}, counted ${counted}` });
  }
  checkExits(entries, violations);
  return violations;
}

type Report = (rule: Rule, text: string) => void;

function checkEnd(story: Story, left: FinalOperation, report: Report): void {
  const { state, letter } = left;
  const safe = state === "completed" || (state === "dead" && letter);
  if (story.acknowledged() && !safe) {
    report("R1", `acknowledged, and in the end ${state}${letter ? " with a letter" : ", no letter"}`);
  }
  if (state === "dead" && !letter) report("R3", "dead without its letter");
  if (state !== "dead" && letter) report("R3", `${state}, and its letter is still there`);
  if (state === "running" || state === "waiting" || state === "released") report("R7", `still ${state}`);
}

function checkCompletions(story: Story, left: FinalOperation, report: Report): void {
  const completions = story.writes.filter((write) => write.verb === "complete" && write.confirmed);
  const tokens = new Set(completions.map(({ token }) => token));
  if (left.state === "completed") tokens.add(left.token);
  if (tokens.size > 1) report("R2", `completed under the tokens ${[...tokens].join(", ")}`);
  if (left.run !== undefined && !story.effects.has(left.run)) report("R2", "its stored run had no effect");
  for (const claim of story.claims) {
    const before = completions.find((completion) => completion.at < claim.sentAt);
    if (before !== undefined) report("R2", `claimed with token ${claim.token} after its completion`);
  }
  for (const { status, body, from } of story.answers) {
    const run = runIn(body);
    if (status >= 200 && status < 300 && run !== undefined && run !== left.run) {
      report("R6", `${from} answered with run ${run}; stored is ${left.run ?? `${left.state}, no run`}`);
    }
  }
}

function checkTokens(story: Story, leaseMs: number, report: Report): void {
  const tokens = [...new Set(story.claims.map(({ token }) => token))].sort((a, b) => a - b);
  for (const [index, token] of tokens.entries()) {
    const newer = story.claims.filter((claim) => claim.token > token);
    const taken = Math.min(...newer.map(({ at }) => at));
    for (const write of story.writes) {
      if (write.token === token && write.confirmed && write.sentAt > taken) {
        report("R5", `${write.verb} of token ${token} was accepted after a newer claim`);
      }
    }
    const next = tokens[index + 1];
    if (next === undefined) continue;
    const nextAt = Math.min(...story.claims.filter((claim) => claim.token === next).map(({ at }) => at));
    const handedOver = story.sent.some((sent) => sent.token === token && sent.at < nextAt);
    const early = story.leaseHeldUntil(token, leaseMs) - nextAt;
    if (!handedOver && early > TOLERANCE_MS) {
      report("R4", `token ${next} was given ${Math.round(early)} ms before the lease of ${token} was over`);
    }
  }
}

function checkRuns(story: Story, left: FinalOperation, maxAttempts: number, report: Report): void {
  const starts = [...story.starts].sort((a, b) => a.token - b.token || a.attempt - b.attempt);
  for (const [index, start] of starts.entries()) {
    const claim = story.claims.find(({ token, by }) => token === start.token && by === start.by);
    if (claim === undefined) report("R8", `started under token ${start.token}, which ${start.by} never got`);
    const before = starts[index - 1];
    // Under a newer token: R4 has found the lease of the older one over, or the run handed over.
    if (before?.token === start.token && !story.failed.has(before.run)) {
      report("R8", `attempt ${start.attempt} under token ${start.token} follows one that did not fail`);
    }
  }
  const allowed = maxAttempts * Math.max(1, left.rounds);
  if (starts.length > allowed) report("R8", `started ${starts.length} times; ${allowed} are allowed`);
}

function checkExits(entries: readonly Entry[], violations: Violation[]): void {
  const crashed = new Set(entries.filter(({ kind }) => kind === "crash").map(({ by }) => by));
  for (const entry of entries) {
    if (entry.kind !== "exit" || entry.asked === "kill" || crashed.has(entry.of)) continue;
    if (entry.asked === "term" && entry.code === 0) continue;
    const { of, asked, code, signal, stderr } = entry;
    const end = `${of} (asked to end: ${asked ?? "no"}) ended with ${signal ?? `code ${code}`}`;
    violations.push({ rule: "exits", text: `${end}\n${stderr}`.trim() });
  }
}
