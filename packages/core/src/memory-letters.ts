/** The reference dead-letter queue: everything in one process's memory. */
import {
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type DeadLetterQueue,
  isNewer,
} from "./dead-letter.js";
import { HooklatchError } from "./errors.js";
import { checkLimits, type DeadLetterLimits } from "./letter-limits.js";
import { checkQuery, foldText, pageLimit, textOf } from "./letter-query.js";
import type { LetterVersion } from "./store.js";

export interface MemoryDeadLettersOptions extends DeadLetterLimits {
  /** The queue's clock, ms since the epoch. For tests that must not wait. Default: `Date.now`. */
  now?: (() => number) | undefined;
}

interface Kept {
  /** The place in the order of arrival. */
  arrival: number;
  letter: DeadLetter & { arrivedAt: number };
}

/**
 * Dead letters in this process's memory, for tests.
 * @throws {HooklatchError} `invalid_option`
 */
export function memoryDeadLetters(options: MemoryDeadLettersOptions = {}): DeadLetterQueue {
  checkLimits(options, "memoryDeadLetters");
  const {
    now = Date.now,
    retentionMs = Number.POSITIVE_INFINITY,
    maxLetters = Number.POSITIVE_INFINITY,
  } = options;
  const kept = new Map<string, Kept>();
  /** A removed letter stays as its version alone, to keep out a push that is still on its way. */
  const removed = new Map<string, LetterVersion>();
  let arrivals = 0;
  /** A clock that steps back must not bring the times of arrival out of order. */
  let latest = 0;
  let closed = false;

  function assertOpen(): void {
    if (closed) throw new HooklatchError("store_closed", "The dead-letter queue is closed.");
  }
  /** Newest arrival first. */
  function matching(query: DeadLetterQuery | undefined): Kept[] {
    return [...kept.values()]
      .filter(({ letter }) => matches(letter, query))
      .sort((a, b) => b.arrival - a.arrival);
  }

  return {
    async push(letter, { as } = {}) {
      assertOpen();
      const { id, bornAt, token } = letter;
      const there = kept.get(id);
      const known = there?.letter ?? (as === "restore" ? undefined : removed.get(id));
      const stays = there !== undefined && as !== undefined;
      if (known !== undefined && (stays || !isNewer({ bornAt, token }, known))) {
        return isNewer(known, letter) ? { bornAt: known.bornAt, token: known.token } : undefined;
      }
      const copy = structuredClone(letter);
      if (there === undefined) latest = Math.max(latest, now());
      const arrivedAt = there?.letter.arrivedAt ?? latest;
      removed.delete(id);
      kept.set(id, { arrival: there?.arrival ?? ++arrivals, letter: { ...copy, arrivedAt } });
      return undefined;
    },
    async list(query) {
      assertOpen();
      checkQuery(query);
      const limit = pageLimit(query);
      const before = query?.cursor === undefined ? Number.POSITIVE_INFINITY : Number(query.cursor);
      if (Number.isNaN(before))
        throw new HooklatchError("invalid_argument", "`cursor` is not one of this queue's.");
      const rest = matching(query).filter((entry) => entry.arrival < before);
      const page = rest.slice(0, limit);
      const letters = page.map((entry) => structuredClone(entry.letter));
      const last = page.at(-1);
      return (
        rest.length > limit && last ? { letters, nextCursor: String(last.arrival) } : { letters }
      ) satisfies DeadLetterPage;
    },
    async get(id) {
      assertOpen();
      const letter = kept.get(id)?.letter;
      return letter && structuredClone(letter);
    },
    async remove(id, upTo) {
      assertOpen();
      const there = kept.get(id)?.letter;
      const known = there ?? removed.get(id);
      if (upTo !== undefined && known !== undefined && isNewer(known, upTo)) return false;
      const version = upTo ?? known;
      if (version !== undefined) removed.set(id, { bornAt: version.bornAt, token: version.token });
      return kept.delete(id);
    },
    async count(query) {
      assertOpen();
      checkQuery(query);
      return matching(query).length;
    },
    async expired({ scope, limit }) {
      assertOpen();
      const most = pageLimit({ limit });
      const until = now() - retentionMs;
      return matching({ scope })
        .filter(({ letter }, newer) => newer >= maxLetters || letter.arrivedAt <= until)
        .map(({ letter }) => letter.id)
        .reverse()
        .slice(0, most);
    },
    async close() {
      closed = true;
      kept.clear();
      removed.clear();
    },
  };
}

function matches(letter: Kept["letter"], query: DeadLetterQuery = {}): boolean {
  const { scope, tenant, key, error, errorText } = query;
  const replays = letter.replays?.length ?? 0;
  return (
    (scope === undefined || letter.scope === scope) &&
    (tenant === undefined || letter.tenant === tenant) &&
    (key === undefined || letter.key === key) &&
    (error === undefined || letter.error.name === error || letter.error.code === error) &&
    (errorText === undefined || textOf(letter.error).includes(foldText(errorText))) &&
    within(letter.arrivedAt, query.arrivedFrom, query.arrivedBefore) &&
    within(letter.firstFailedAt, query.firstFailedFrom, query.firstFailedBefore) &&
    within(letter.diedAt, query.diedFrom, query.diedBefore) &&
    replays >= (query.minReplays ?? 0) &&
    replays <= (query.maxReplays ?? Number.POSITIVE_INFINITY)
  );
}

function within(at: number, from = 0, before = Number.POSITIVE_INFINITY): boolean {
  return at >= from && at < before;
}
