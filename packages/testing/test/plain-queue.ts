/** A second, plain dead-letter queue, made of parts that can be replaced by broken ones. With none replaced it keeps the whole contract. */
import {
  checkQuery,
  type DeadLetter,
  type DeadLetterLimits,
  type DeadLetterQuery,
  type DeadLetterQueue,
  foldText,
  HooklatchError,
  type LetterVersion,
  textOf,
} from "@hooklatch/core";

interface Kept {
  arrival: number;
  version: LetterVersion;
  letter: DeadLetter | undefined;
}

export const parts = {
  /** Under which name a letter is kept. */
  name: (letter: DeadLetter): string => letter.id,
  isNewer: (a: LetterVersion, b: LetterVersion): boolean =>
    a.bornAt !== b.bornAt ? a.bornAt > b.bornAt : a.token > b.token,
  /** Whether a removal looks at the version that it is for. */
  guarded: true,
  /** What a push that is kept out is told: what keeps it out. */
  told: (known: LetterVersion, letter: DeadLetter): LetterVersion | undefined =>
    parts.isNewer(known, letter) ? known : undefined,
  /** Whether what is kept of this letter keeps out a push of any version, or of none. */
  barred: (there: Kept, as: "import" | "restore" | undefined): "any" | "none" | "old" => {
    if (there.letter !== undefined) return as === undefined ? "old" : "any";
    return as === "restore" ? "none" : "old";
  },
  /** What is left of a letter after its removal. */
  grave: (version: LetterVersion): LetterVersion | undefined => version,
  copy: (letter: DeadLetter): DeadLetter => structuredClone(letter),
  /** The letter as it is kept, and as it is given out. `there`: its older version that is in the queue. */
  arrivedAt: (_letter: DeadLetter, there: DeadLetter | undefined): number | undefined =>
    there?.arrivedAt ?? Date.now(),
  shown: (letter: DeadLetter, _by: "get" | "list"): DeadLetter => letter,
  matches: (letter: DeadLetter, q: DeadLetterQuery): boolean =>
    (q.scope ?? letter.scope) === letter.scope &&
    (q.key ?? letter.key) === letter.key &&
    (q.tenant === undefined || q.tenant === letter.tenant) &&
    parts.failed(letter, q) &&
    parts.says(letter, q) &&
    parts.failedAt(letter, q) &&
    parts.replayed(letter, q) &&
    parts.arrived(letter, q),
  failed: ({ error }: DeadLetter, q: DeadLetterQuery): boolean =>
    q.error === undefined || q.error === error.name || q.error === error.code,
  says: ({ error }: DeadLetter, q: DeadLetterQuery): boolean =>
    q.errorText === undefined || textOf(error).includes(foldText(q.errorText)),
  failedAt: ({ firstFailedAt, diedAt }: DeadLetter, q: DeadLetterQuery): boolean =>
    firstFailedAt >= (q.firstFailedFrom ?? 0) &&
    firstFailedAt < (q.firstFailedBefore ?? Number.POSITIVE_INFINITY) &&
    diedAt >= (q.diedFrom ?? 0) &&
    diedAt < (q.diedBefore ?? Number.POSITIVE_INFINITY),
  replayed: ({ replays = [] }: DeadLetter, q: DeadLetterQuery): boolean =>
    replays.length >= (q.minReplays ?? 0) && replays.length <= (q.maxReplays ?? Number.POSITIVE_INFINITY),
  arrived: ({ arrivedAt = 0 }: DeadLetter, q: DeadLetterQuery): boolean =>
    arrivedAt >= (q.arrivedFrom ?? 0) && arrivedAt < (q.arrivedBefore ?? Number.POSITIVE_INFINITY),
  /** What `count` makes of its query. */
  counted: (query: DeadLetterQuery): DeadLetterQuery => query,
  /** Newest first. */
  order: (a: Kept, b: Kept): number => b.arrival - a.arrival,
  /** What comes after the cursor, and the cursor after a page. */
  after: (sorted: Kept[], cursor: string): Kept[] => sorted.filter((one) => one.arrival < Number(cursor)),
  cursor: (page: Kept[], _before: string | undefined): string => String(page.at(-1)?.arrival),
  maxLimit: 1_000,
  validCursor: (cursor: string): boolean => /^\d+$/.test(cursor),
  check: (query: DeadLetterQuery): void => checkQuery(query),
  validTime: (at: number): boolean => Number.isFinite(at) && at >= 0,
  /** Which of the scope's letters, newest first, are over a limit. */
  expired: (letters: DeadLetter[], { retentionMs, maxLetters }: DeadLetterLimits): DeadLetter[] =>
    letters.filter(
      ({ arrivedAt = 0 }, n) =>
        n >= (maxLetters ?? Number.POSITIVE_INFINITY) ||
        arrivedAt <= Date.now() - (retentionMs ?? Number.POSITIVE_INFINITY),
    ),
  /** Whose letters are counted and named. */
  inScope: (letter: DeadLetter, scope: string): boolean => letter.scope === scope,
  /** Which of them one call names; they come newest first. */
  named: (letters: DeadLetter[], limit: number): DeadLetter[] => letters.reverse().slice(0, limit),
};

export type Parts = typeof parts;

export function plainQueue(limits: DeadLetterLimits = {}, replaced: Partial<Parts> = {}): DeadLetterQueue {
  const p: Parts = { ...parts, ...replaced };
  const kept = new Map<string, Kept>();
  let arrivals = 0;
  let closed = false;

  function assertOpen(): void {
    if (closed) throw new HooklatchError("store_closed", "closed");
  }
  function invalid(what: string): never {
    throw new HooklatchError("invalid_argument", what);
  }
  function find(query: DeadLetterQuery): Kept[] {
    for (const at of [query.arrivedFrom, query.arrivedBefore]) {
      if (at !== undefined && !p.validTime(at)) invalid("time");
    }
    const { arrivedFrom: _, arrivedBefore: _b, limit: _l, ...rest } = query;
    p.check(rest);
    const found = [...kept.values()].filter(({ letter }) => letter !== undefined && p.matches(letter, query));
    return found.sort(p.order);
  }

  return {
    async push(letter, { as } = {}) {
      assertOpen();
      const there = kept.get(p.name(letter));
      const barred = there && p.barred(there, as);
      if (there && (barred === "any" || (barred === "old" && !p.isNewer(letter, there.version)))) {
        return p.told(there.version, letter);
      }
      const arrival = there?.letter === undefined ? ++arrivals : there.arrival;
      const version = { bornAt: letter.bornAt, token: letter.token };
      const arrivedAt = p.arrivedAt(letter, there?.letter);
      kept.set(p.name(letter), { arrival, version, letter: { ...p.copy(letter), arrivedAt } });
      return undefined;
    },
    async list(query = {}) {
      assertOpen();
      const { limit = 100, cursor } = query;
      if (!Number.isInteger(limit) || limit < 1 || limit > p.maxLimit) invalid("limit");
      if (cursor !== undefined && !p.validCursor(cursor)) invalid("cursor");
      const found = find(query);
      const rest = cursor === undefined ? found : p.after(found, cursor);
      const page = rest.slice(0, limit);
      const letters = page.map(({ letter }) => p.shown(p.copy(letter as DeadLetter), "list"));
      return rest.length > limit ? { letters, nextCursor: p.cursor(page, cursor) } : { letters };
    },
    async get(id) {
      assertOpen();
      const letter = kept.get(id)?.letter;
      return letter && p.shown(p.copy(letter), "get");
    },
    async remove(id, upTo) {
      assertOpen();
      const there = kept.get(id);
      if (there && upTo && p.guarded && p.isNewer(there.version, upTo)) return false;
      const version = upTo ?? there?.version;
      const grave = version && p.grave(version);
      if (grave) kept.set(id, { arrival: 0, version: grave, letter: undefined });
      else kept.delete(id);
      return there?.letter !== undefined;
    },
    async count(query = {}) {
      assertOpen();
      return find(p.counted(query)).length;
    },
    async expired({ scope, limit }) {
      assertOpen();
      const letters = find({}).map(({ letter }) => letter as DeadLetter);
      const over = p.expired(
        letters.filter((letter) => p.inScope(letter, scope)),
        limits,
      );
      return p.named(over, limit).map(({ id }) => id);
    },
    async close() {
      closed = true;
    },
  };
}
