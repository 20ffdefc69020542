/** What is kept of an operation's attempts and replays, and what comes with an operation that another store knew. */
import type {
  AttemptRecord,
  ErrorRecord,
  OperationPast,
  ReplayRecord,
  ScheduleRequest,
} from "@hooklatch/core";
import type { Argument } from "./script.js";

/** The newest; of more the store would keep no more. */
const MOST_KEPT = 200;

/** The record of an attempt, without its round and its number, which its place tells. `holder`: its owner, where it names none. */
export function encodeEnded(
  { startedAt, durationMs, owner, error }: AttemptRecord,
  holder: string | null,
): string {
  return JSON.stringify([startedAt, durationMs, owner ?? holder, error]);
}

/** That of a completion, after which nobody else can come: kept small, in the operation's own hash. */
export function encodeLast(
  { attempt, startedAt, durationMs, owner, error }: AttemptRecord,
  holder: string,
): string {
  const by = owner === undefined || owner === holder ? [] : [owner];
  return JSON.stringify([
    attempt,
    startedAt,
    durationMs,
    ...(error === undefined ? by : [owner ?? holder, error]),
  ]);
}

export type Ended = [
  startedAt: number,
  durationMs: number,
  owner?: string | null,
  error?: ErrorRecord | null,
];

/** `ended`: from `HGETALL`. */
export function attemptsIn(ended: ReadonlyMap<string, string>, lastOwner: string): AttemptRecord[] {
  const attempts: (AttemptRecord & { round: number })[] = [];
  for (const [name, value] of ended) {
    const [, round, attempt] = /^(\d+)\.(\d+)$/.exec(name) ?? [];
    if (round === undefined) continue;
    const [startedAt, durationMs, owner = lastOwner, error] = JSON.parse(value) as Ended;
    attempts.push({
      attempt: Number(attempt),
      startedAt,
      durationMs,
      ...(error ? { error } : {}),
      ...(owner === null ? {} : { owner }),
      round: Number(round),
    });
  }
  return attempts.sort((a, b) => a.round - b.round || a.attempt - b.attempt);
}

/** What Redis need not understand of a replay. */
export function encodeAbout({ replayId, about }: Pick<ScheduleRequest, "replayId" | "about">): string {
  return JSON.stringify({ replayId, by: about?.by, note: about?.note, changed: about?.changed });
}

/** As the script writes it: `<round> <at> <about>`. */
function encodeReplay({ round, at, replayId, ...about }: ReplayRecord): string {
  return `${round} ${at} ${encodeAbout({ replayId, about })}`;
}

/** `kept`: from `LRANGE`. */
export function replaysIn(kept: unknown): ReplayRecord[] {
  return (kept as unknown[]).map((one) => {
    const [, round, at, about = ""] = /^(\S+) (\S+) (.*)$/.exec(String(one)) ?? [];
    return { round: Number(round), at: Number(at), ...(JSON.parse(about) as { replayId: string }) };
  });
}

/** Of a list, its length comes first. */
export function pastArguments(past: OperationPast | undefined): Argument[] {
  if (past === undefined) return ["-"];
  const attempts = past.attempts
    .slice(-MOST_KEPT)
    .flatMap((one) => [`${one.round ?? past.rounds}.${one.attempt}`, encodeEnded(one, null)]);
  const replays = past.replays.slice(-MOST_KEPT).map(encodeReplay);
  return [`+${past.bornAt}`, past.rounds, attempts.length, ...attempts, replays.length, ...replays];
}
