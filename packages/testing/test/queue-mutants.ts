/** Dead-letter queues that are broken in one way each, and the case that must notice. */
import {
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterQueue,
  HooklatchError,
  type LetterVersion,
} from "@hooklatch/core";

interface Kept {
  arrival: number;
  version: LetterVersion;
  letter: DeadLetter | undefined;
}

const parts = {
  /** Under which name a letter is kept. */
  name: (letter: DeadLetter): string => letter.id,
  isNewer: (a: LetterVersion, b: LetterVersion): boolean =>
    a.bornAt !== b.bornAt ? a.bornAt > b.bornAt : a.token > b.token,
  /** Whether a removal looks at the version that it is for. */
  guarded: true,
  /** What is left of a letter after its removal. */
  grave: (version: LetterVersion): LetterVersion | undefined => version,
  copy: (letter: DeadLetter): DeadLetter => structuredClone(letter),
  matches: (letter: DeadLetter, q: DeadLetterQuery): boolean =>
    (q.scope ?? letter.scope) === letter.scope &&
    (q.key ?? letter.key) === letter.key &&
    (q.tenant === undefined || q.tenant === letter.tenant),
  /** Newest first. */
  order: (a: Kept, b: Kept): number => b.arrival - a.arrival,
  /** What comes after the cursor, and the cursor after a page. */
  after: (sorted: Kept[], cursor: string): Kept[] => sorted.filter((one) => one.arrival < Number(cursor)),
  cursor: (page: Kept[], _before: string | undefined): string => String(page.at(-1)?.arrival),
  maxLimit: 1_000,
  validCursor: (cursor: string): boolean => /^\d+$/.test(cursor),
};

type Parts = typeof parts;

/** A second, plain queue, made of parts that can be replaced by broken ones. */
export function plainQueue(replaced: Partial<Parts> = {}): DeadLetterQueue {
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
    const found = [...kept.values()].filter(({ letter }) => letter !== undefined && p.matches(letter, query));
    return found.sort(p.order);
  }

  return {
    async push(letter) {
      assertOpen();
      const there = kept.get(p.name(letter));
      if (there !== undefined && !p.isNewer(letter, there.version)) return;
      const arrival = there?.letter === undefined ? ++arrivals : there.arrival;
      const version = { bornAt: letter.bornAt, token: letter.token };
      kept.set(p.name(letter), { arrival, version, letter: p.copy(letter) });
    },
    async list(query = {}) {
      assertOpen();
      const { limit = 100, cursor } = query;
      if (!Number.isInteger(limit) || limit < 1 || limit > p.maxLimit) invalid("limit");
      if (cursor !== undefined && !p.validCursor(cursor)) invalid("cursor");
      const found = find(query);
      const rest = cursor === undefined ? found : p.after(found, cursor);
      const page = rest.slice(0, limit);
      const letters = page.map(({ letter }) => p.copy(letter as DeadLetter));
      return rest.length > limit ? { letters, nextCursor: p.cursor(page, cursor) } : { letters };
    },
    async get(id) {
      assertOpen();
      const letter = kept.get(id)?.letter;
      return letter && p.copy(letter);
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
      return find(query).length;
    },
    async close() {
      closed = true;
    },
  };
}

export interface QueueMutant {
  flaw: string;
  /** The beginning of the names of the cases that must fail; others may fail too. */
  caughtBy: readonly string[];
  open(): DeadLetterQueue;
}

function replacing(flaw: string, caughtBy: string, replaced: Partial<Parts>): QueueMutant {
  return { flaw, caughtBy: [caughtBy], open: () => plainQueue(replaced) };
}

let copies = 0;

export const queueMutants: readonly QueueMutant[] = [
  replacing("push makes a letter each time", "push: twice is one letter", {
    name: (letter) => (copies++ % 2 ? `${letter.id}#${copies}` : letter.id),
  }),
  replacing("the last push stays", "push: the newest token stays", { isNewer: () => true }),
  replacing("the first push stays", "push: the newest token stays", { isNewer: () => false }),
  replacing("tokens are compared as text", "push: the newest token stays", {
    isNewer: (a, b) => (a.bornAt !== b.bornAt ? a.bornAt > b.bornAt : String(a.token) > String(b.token)),
  }),
  replacing("tokens of two lives are compared", "push: the newest life of the operation stays", {
    isNewer: (a, b) => a.token > b.token,
  }),
  replacing("a late push brings a removed letter back", "remove: keeps out a push of that version", {
    grave: () => undefined,
  }),
  replacing("a removed letter never comes back", "remove: a push of a newer version comes in", {
    grave: () => ({ bornAt: Number.POSITIVE_INFINITY, token: 0 }),
  }),
  replacing("remove takes newer letters too", "remove: not if the letter is newer", { guarded: false }),
  replacing("pages are cut by offset", "list: letters that arrive between two pages", {
    after: (sorted, cursor) => sorted.slice(Number(cursor)),
    cursor: (page, before) => String(Number(before ?? 0) + page.length),
  }),
  replacing(
    "a page begins at a letter that must still be there",
    "list: letters that are removed between two pages",
    {
      after: (sorted, cursor) => sorted.slice(1 + sorted.findIndex((one) => one.arrival === Number(cursor))),
    },
  ),
  replacing("the order is that of the deaths", "list: newest arrival first", {
    order: (a, b) => (b.letter?.diedAt ?? 0) - (a.letter?.diedAt ?? 0),
  }),
  replacing("the oldest come first", "list: newest arrival first", {
    order: (a, b) => a.arrival - b.arrival,
    after: (sorted, cursor) => sorted.filter((one) => one.arrival > Number(cursor)),
  }),
  replacing("tenants are not looked at", "list and count: by scope, tenant and key", {
    matches: (letter, { tenant: _, ...query }) => parts.matches(letter, query),
  }),
  replacing("filters take the case lightly", "list and count: by scope, tenant and key", {
    matches: (letter, query) => {
      const lower = <T extends object>(from: T): T => JSON.parse(JSON.stringify(from).toLowerCase()) as T;
      const { scope, key, tenant } = query;
      return parts.matches(lower({ ...letter, event: undefined as never }), lower({ scope, key, tenant }));
    },
  }),
  replacing("letters go through JSON", "push: keeps every field of the letter", {
    copy: (letter) => JSON.parse(JSON.stringify(letter)) as DeadLetter,
  }),
  replacing("letters are not copied", "push: a letter may be changed once the call has ended", {
    copy: (letter) => letter,
  }),
  replacing("any limit will do", "list: a limit or cursor that makes no sense", {
    maxLimit: Number.MAX_VALUE,
  }),
  replacing("any cursor will do", "list: a limit or cursor that makes no sense", { validCursor: () => true }),
  {
    flaw: "count swallows errors",
    caughtBy: ["close: afterwards every verb is rejected"],
    open() {
      const queue = plainQueue();
      return { ...queue, count: (query) => queue.count(query).catch(() => 0) };
    },
  },
];
