/**
 * Burying: how the letter of a dead operation comes into the sink, and leaves it.
 *
 * Two systems (the store and the sink) cannot change at once, so burying is an outbox: the store notes what it owes the sink in the
 * same atomic step that makes the operation dead or completed; the note is settled only after the sink confirmed. Whoever finds an
 * unsettled note finishes it.
 */
import { type DeadLetter, type DeadLetterQueue, type DeadLetterSink, isNewer } from "./dead-letter.js";
import { toErrorRecord } from "./errors.js";
import { letterId } from "./key.js";
import type {
  AttemptRecord,
  IdempotencyStore,
  LetterVersion,
  OperationId,
  OperationRecord,
} from "./store.js";

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
    ...(record.replays.length === 0 ? {} : { replays: record.replays }),
    ...(record.originalEvent === undefined ? {} : { originalEvent: record.originalEvent }),
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
  if (record.letter !== "push") return letter.id;
  const { bornAt, token } = letter;
  const newer = await pushTo(sink, letter);
  if (newer !== undefined && isNewer(newer, letter)) {
    // Of another life, unless this one has moved on meanwhile: then the newer letter is its own.
    const again = await store.outrank({ id, bornAt, token, other: newer.bornAt });
    return again ? bury(store, sink, id) : letter.id;
  }
  // Moved on meanwhile (redelivered, replayed, or discarded): its completion will note the removal of what was pushed here.
  await store.settle({ id, bornAt, token, letter: "pushed" });
  return letter.id;
}

async function pushTo(sink: DeadLetterSink, letter: DeadLetter): Promise<LetterVersion | undefined> {
  if (canRemove(sink)) return sink.push(letter);
  await sink.push(letter);
  return undefined;
}

/** Removes the letter of a completed or discarded operation and settles the note. As safe to repeat as `bury`. */
export async function unbury(
  store: IdempotencyStore,
  sink: DeadLetterSink,
  id: OperationId,
  { bornAt, token }: LetterVersion,
): Promise<void> {
  // A sink that cannot remove (a queue, a topic) keeps its copy; there is nothing more to do for it.
  if (canRemove(sink)) await sink.remove(letterId(id), { bornAt, token });
  await store.settle({ id, bornAt, token, letter: "removed" });
}
