/** What happened to one operation: its rounds of attempts, the waits between them, and the replays. */
import type { Attempt, ErrorShown, Replay } from "../src/api.js";
import { ReplayIcon } from "./icons.js";
import { ErrorName } from "./letter-table.js";
import { Long, Short, Text } from "./text.js";
import { Exactly } from "./time.js";
import { visible } from "./visible.js";
import { absolute, clockTime, count, duration, plural } from "./words.js";

type Entry = { replay: Replay } | { round: number; attempts: Attempt[] };

interface Props {
  attempts: Attempt[];
  replays: Replay[];
  /** Said at the end: what comes next. */
  next?: string | undefined;
}

export function Timeline({ attempts, replays, next }: Props) {
  const entries = entriesOf(attempts, replays);
  if (entries.length === 0 && next === undefined)
    return <p class="quiet">No attempt has left a record yet.</p>;
  return (
    <ol class="timeline">
      {entries.map((entry) =>
        "replay" in entry ? (
          <Replayed key={`replay ${entry.replay.replayId}`} replay={entry.replay} />
        ) : (
          <Round key={`round ${entry.round}`} round={entry.round} attempts={entry.attempts} />
        ),
      )}
      {next !== undefined && <li class="upcoming">{next}</li>}
    </ol>
  );
}

/** A replay stands before the round that it began. */
function entriesOf(attempts: Attempt[], replays: Replay[]): Entry[] {
  const rounds = new Map<number, Attempt[]>();
  for (const attempt of attempts) rounds.set(attempt.round, [...(rounds.get(attempt.round) ?? []), attempt]);
  const numbers = [...new Set([...rounds.keys(), ...replays.map((replay) => replay.round)])].sort(
    (a, b) => a - b,
  );
  return numbers.flatMap((round): Entry[] => {
    const ran = rounds.get(round);
    return [
      ...replays.filter((replay) => replay.round === round).map((replay) => ({ replay })),
      ...(ran ? [{ round, attempts: ran }] : []),
    ];
  });
}

function Replayed({ replay: { at, by, note, changed } }: { replay: Replay }) {
  return (
    <li class="replayed">
      <span class="mark">
        <ReplayIcon />
      </span>
      <div>
        <p>
          <strong>{changed ? "Edited and replayed" : "Replayed"}</strong>
          {by !== undefined && (
            <>
              {" "}
              by <Short value={by} limit={80} />
            </>
          )}
          <span class="quiet">
            {" "}
            · <Exactly at={at} />
          </span>
        </p>
        {note !== undefined && (
          <p class="note">
            <Long value={note} />
          </p>
        )}
        {changed && changed.length > 0 && (
          <p class="small">
            Changed:{" "}
            {changed.slice(0, 20).map((pointer) => (
              <code key={pointer} class="pointer">
                <Short value={pointer === "" ? "the whole body" : pointer} limit={120} />
              </code>
            ))}
            {changed.length > 20 && <span class="quiet"> and {count(changed.length - 20)} more</span>}
          </p>
        )}
      </div>
    </li>
  );
}

function Round({ round, attempts }: { round: number; attempts: Attempt[] }) {
  const first = attempts[0];
  const last = attempts.at(-1);
  const span = first && last ? last.startedAt + last.durationMs - first.startedAt : 0;
  return (
    <li class="round">
      <h3>
        Round {count(round)}{" "}
        <span class="quiet">
          · {plural(attempts.length, "attempt")} within {duration(span)}
        </span>
      </h3>
      <ol>
        {attempts.map((attempt, index) => {
          const before = attempts[index - 1];
          const missed = attempt.attempt - (before?.attempt ?? 0) - 1;
          return (
            <li key={`${attempt.attempt} ${attempt.startedAt}`}>
              {before && <Wait ms={attempt.startedAt - before.startedAt - before.durationMs} />}
              {missed > 0 && (
                <p class="missed">
                  {missed === 1
                    ? `Attempt ${attempt.attempt - 1}`
                    : `Attempts ${attempt.attempt - missed} to ${attempt.attempt - 1}`}{" "}
                  left no record: cut short by a crash.
                </p>
              )}
              <One attempt={attempt} />
            </li>
          );
        })}
      </ol>
    </li>
  );
}

/** Ten times longer is a little taller: a second and a day fit on one page. */
function Wait({ ms }: { ms: number }) {
  const height = Math.round(Math.min(64, 14 + 9 * Math.log10(1 + Math.max(0, ms) / 100)));
  return (
    <p class="wait" style={{ minHeight: `${height}px` }}>
      waited {duration(ms)}
    </p>
  );
}

function One({ attempt: { attempt, startedAt, durationMs, owner, error } }: { attempt: Attempt }) {
  return (
    <article class={error ? "attempt bad" : "attempt fine"}>
      <p class="attempt-head">
        <strong>Attempt {count(attempt)}</strong>
        <time dateTime={isoOf(startedAt)} title={absolute(startedAt)}>
          {clockTime(startedAt)}
        </time>
        <span class="quiet">ran {duration(durationMs)}</span>
        {owner !== undefined && (
          <span class="quiet owner" title={visible(owner)}>
            by{" "}
            <code>
              <Text value={shortened(owner)} />
            </code>
          </span>
        )}
      </p>
      {error ? <ErrorBlock error={error} limit={160} /> : <p class="quiet">No error recorded.</p>}
    </article>
  );
}

interface ErrorProps {
  error: ErrorShown;
  /** Characters of the message that are shown at first. */
  limit?: number;
  /** Whether its name stands before the message. */
  named?: boolean;
}

export function ErrorBlock({ error, limit = 600, named = true }: ErrorProps) {
  return (
    <div class="error-block">
      <p>
        {named && (
          <>
            <strong class="error-name">
              <ErrorName error={error} />
            </strong>{" "}
          </>
        )}
        <Long value={error.message} limit={limit} lines />
      </p>
      {error.stack !== undefined && (
        <details>
          <summary>Stack</summary>
          <pre class="text">
            <Long value={error.stack} limit={6000} lines />
          </pre>
        </details>
      )}
    </div>
  );
}

/** An owner is a long id of its process and a number: its ends are enough to tell two apart. */
function shortened(owner: string): string {
  return owner.length > 20 ? `${owner.slice(0, 8)}…${owner.slice(-5)}` : owner;
}

function isoOf(at: number): string | undefined {
  return Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : undefined;
}
