/** Dead-letter queues that are broken in one way each, and the case that must notice. Those of `facet-mutants.ts` are among them. */
import type { DeadLetter } from "@hooklatch/core";
import { facetMutants } from "./facet-mutants.js";
import { type Parts, parts, plainQueue } from "./plain-queue.js";
import { type QueueMutant, replacing } from "./queue-mutant.js";

let copies = 0;

const keeping: QueueMutant[] = [
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
  replacing("push does not say what keeps it out", "push: says which newer version keeps it out", {
    told: () => undefined,
  }),
  replacing("push is kept out by its own version", "push: says which newer version keeps it out", {
    told: (known) => known,
  }),
  replacing("what was removed is not restored", "push: a letter from elsewhere", {
    barred: (there, as) => parts.barred(there, as && "import"),
  }),
  replacing("what is imported comes back", "push: a letter from elsewhere", {
    barred: (there, as) => parts.barred(there, as && "restore"),
  }),
  replacing("a letter from elsewhere replaces what is there", "push: a letter from elsewhere", {
    barred: (there, as) => (there.letter ? "old" : parts.barred(there, as)),
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
    open(limits) {
      const queue = plainQueue(limits);
      return { ...queue, count: (query) => queue.count(query).catch(() => 0) };
    },
  },
];

/** `arrivedAt` kept for ever, under the letter's id. */
const firstArrivals = new Map<string, number>();

const arriving: QueueMutant[] = [
  replacing("arrivedAt is the time of death", "arrivedAt: the time by the queue's clock", {
    arrivedAt: (letter) => letter.diedAt,
  }),
  replacing("arrivedAt is in seconds", "arrivedAt: the time by the queue's clock", {
    arrivedAt: (_letter, there) => there?.arrivedAt ?? Math.floor(Date.now() / 1_000),
  }),
  replacing("get does not say arrivedAt", "arrivedAt: the time by the queue's clock", {
    shown: ({ arrivedAt, ...letter }, by) => (by === "get" ? letter : { ...letter, arrivedAt }),
  }),
  replacing("list does not say arrivedAt", "arrivedAt: the time by the queue's clock", {
    shown: ({ arrivedAt, ...letter }, by) => (by === "list" ? letter : { ...letter, arrivedAt }),
  }),
  replacing("push believes the arrivedAt of a new letter", "arrivedAt: push ignores", {
    arrivedAt: (letter, there) => there?.arrivedAt ?? letter.arrivedAt ?? Date.now(),
  }),
  replacing("push believes the arrivedAt of a newer version", "arrivedAt: push ignores", {
    arrivedAt: (letter, there) => there && (letter.arrivedAt ?? there.arrivedAt),
  }),
  replacing("a newer version has arrived when it came", "arrivedAt: a newer version of a letter", {
    arrivedAt: () => Date.now(),
  }),
  replacing("a letter that comes back keeps its first arrival", "arrivedAt: a letter that comes back", {
    arrivedAt({ id }) {
      const at = firstArrivals.get(id) ?? Date.now();
      firstArrivals.set(id, at);
      return at;
    },
  }),
  replacing("arrivedAt and the order of arrival differ", "arrivedAt: never decreases", {
    arrivedAt: (letter, there) => there?.arrivedAt ?? Date.now() - 1_700_000_000_000 + letter.diedAt,
  }),
];

const filtering: QueueMutant[] = [
  matching("errors are found by their name alone", "list and count: by exactly the name or the code", {
    failed: ({ error }, q) => (q.error ?? error.name) === error.name,
  }),
  matching("errors are found by their code alone", "list and count: by exactly the name or the code", {
    failed: ({ error }, q) => q.error === undefined || q.error === error.code,
  }),
  matching("errors are found by their code, where they have one", "list and count: by exactly the name", {
    failed: ({ error }, q) => q.error === undefined || q.error === (error.code ?? error.name),
  }),
  matching("an error is found by how its name begins", "list and count: by exactly the name or the code", {
    failed: ({ error }, q) => error.name.startsWith(q.error ?? "") || error.code === q.error,
  }),
  matching("errors are found by their message", "list and count: by exactly the name or the code", {
    failed: (letter, q) => parts.failed(letter, q) || q.error === letter.error.message,
  }),
  matching("errors of every attempt are found", "list and count: by exactly the name or the code", {
    failed: (letter, q) =>
      parts.failed(letter, q) || letter.attempts.some(({ error }) => q.error === error?.name),
  }),
  matching("an empty error is no filter", "list and count: by exactly the name or the code", {
    failed: (letter, q) => q.error === "" || parts.failed(letter, q),
  }),
  {
    flaw: "a newer version is still found by the old error",
    caughtBy: ["list and count: a newer version is found by its own error"],
    open: (limits) => {
      const errors = new Map<string, DeadLetter["error"]>();
      const failed: Parts["failed"] = (letter, q) => {
        const error = errors.get(letter.id) ?? letter.error;
        errors.set(letter.id, error);
        return parts.failed({ ...letter, error }, q);
      };
      return plainQueue(limits, { matches: using({ failed }) });
    },
  },
  matching("arrivedFrom leaves its own time out", "list and count: from a time of arrival", {
    arrived: (letter, q) => parts.arrived(letter, { ...q, arrivedFrom: q.arrivedFrom && q.arrivedFrom + 1 }),
  }),
  matching("arrivedBefore takes its own time in", "list and count: from a time of arrival", {
    arrived: (letter, q) =>
      parts.arrived(letter, { ...q, arrivedBefore: q.arrivedBefore && q.arrivedBefore + 1 }),
  }),
  matching("the times are those of the deaths", "list and count: from a time of arrival", {
    arrived: (letter, q) => parts.arrived({ ...letter, arrivedAt: letter.diedAt }, q),
  }),
  matching("arrivedBefore alone is not looked at", "list and count: from a time of arrival", {
    arrived: (letter, q) => q.arrivedFrom === undefined || parts.arrived(letter, q),
  }),
  replacing("count does not look at times", "list and count: from a time of arrival", {
    counted: ({ arrivedFrom: _, arrivedBefore: _b, ...query }) => query,
  }),
  replacing("count does not look at errors", "list and count: by exactly the name or the code", {
    counted: ({ error: _, ...query }) => query,
  }),
  replacing("an error is looked for in every scope", "list and count: by all filters together", {
    matches: (letter, q) => parts.matches(letter, q.error === undefined ? q : { ...q, scope: undefined }),
  }),
  replacing("an error is looked for in every tenant", "list and count: by all filters together", {
    matches: (letter, q) => parts.matches(letter, q.error === undefined ? q : { ...q, tenant: undefined }),
  }),
  replacing("an error is looked for at all times", "list and count: by all filters together", {
    matches: (letter, { arrivedFrom, arrivedBefore, ...q }) =>
      parts.matches(letter, q.error === undefined ? { ...q, arrivedFrom, arrivedBefore } : q),
  }),
  replacing("pages of an error are cut by offset", "list: pages of a filter hold still", {
    after: (sorted, cursor) =>
      cursor.startsWith("#") ? sorted.slice(Number(cursor.slice(1))) : parts.after(sorted, cursor),
    cursor: (page, before) =>
      page.every(({ letter }) => letter && parts.failed(letter, { error: "Wanted" }))
        ? `#${Number(before?.slice(1) ?? 0) + page.length}`
        : parts.cursor(page, before),
    validCursor: (cursor) => /^#?\d+$/.test(cursor),
  }),
  replacing("any time will do", "list and count: a time that makes no sense", { validTime: () => true }),
];

/** The filters together, with some of them broken. */
function using(broken: Partial<Pick<Parts, "failed" | "arrived">>): Parts["matches"] {
  return (letter, q) => {
    const { error, arrivedFrom, arrivedBefore, ...rest } = q;
    return (
      parts.matches(letter, rest) &&
      (broken.failed ?? parts.failed)(letter, { error }) &&
      (broken.arrived ?? parts.arrived)(letter, { arrivedFrom, arrivedBefore })
    );
  };
}

function matching(flaw: string, caughtBy: string, broken: Parameters<typeof using>[0]): QueueMutant {
  return replacing(flaw, caughtBy, { matches: using(broken) });
}

const expiring: QueueMutant[] = [
  replacing("everything is expired where no limit is set", "expired: nothing, where neither", {
    expired: (letters, limits) =>
      (limits.retentionMs ?? limits.maxLetters) ? parts.expired(letters, limits) : letters,
  }),
  replacing("the retention is not looked at", "expired: the letters of the scope that arrived longer ago", {
    expired: (letters, { maxLetters }) => parts.expired(letters, { maxLetters }),
  }),
  replacing("the retention is taken for seconds", "expired: the letters of the scope that arrived longer", {
    expired: (letters, { retentionMs, maxLetters }) =>
      parts.expired(letters, { maxLetters, retentionMs: retentionMs && retentionMs * 1_000 }),
  }),
  replacing("the retention counts from the death", "expired: no letter that arrived within the retention", {
    expired: (letters, limits) =>
      parts.expired(
        letters.map((letter) => ({ ...letter, arrivedAt: letter.diedAt })),
        limits,
      ),
  }),
  replacing("once one letter is expired all are", "expired: by the time of each letter's own arrival", {
    expired: (letters, limits) => (parts.expired(letters, limits).length > 0 ? letters : []),
  }),
  replacing("a newer version makes a letter younger", "expired: a newer version does not make", {
    arrivedAt: () => Date.now(),
  }),
  replacing("the maximum is not looked at", "expired: what is over the maximum, counted for each scope", {
    expired: (letters, { retentionMs }) => parts.expired(letters, { retentionMs }),
  }),
  replacing("one letter more than the maximum is kept", "expired: what is over the maximum", {
    expired: (letters, { retentionMs, maxLetters }) =>
      parts.expired(letters, { retentionMs, maxLetters: maxLetters && maxLetters + 1 }),
  }),
  replacing("the maximum is over all scopes", "expired: what is over the maximum, counted for each scope", {
    inScope: () => true,
  }),
  replacing("a scope is taken for a prefix", "expired: what is over the maximum, counted for each scope", {
    inScope: (letter, scope) => letter.scope.startsWith(scope),
  }),
  replacing("a letter has to be over both limits", "expired: what is over either of the two", {
    expired: (letters, { retentionMs, maxLetters }) => {
      const byAge = parts.expired(letters, { retentionMs });
      const byCount = parts.expired(letters, { maxLetters });
      if (retentionMs === undefined) return byCount;
      return maxLetters === undefined ? byAge : byAge.filter((one) => byCount.includes(one));
    },
  }),
  replacing("the maximum hides the retention", "expired: all that is over the retention", {
    expired: (letters, { retentionMs, maxLetters }) =>
      parts.expired(letters, maxLetters === undefined ? { retentionMs } : { maxLetters }),
  }),
  replacing("the newest expired come first", "expired: the letters of the scope that arrived longer ago", {
    named: (letters, limit) => letters.slice(-limit).slice(0, limit),
  }),
  replacing("of many expired the newest are named", "expired: at most `limit`", {
    named: (letters, limit) => letters.slice(0, limit).reverse(),
  }),
  replacing("expired knows no limit", "expired: at most `limit`", { named: (letters) => letters.reverse() }),
  {
    flaw: "the queue removes what it names",
    caughtBy: ["expired: the queue itself removes nothing"],
    open(limits) {
      const queue = plainQueue(limits);
      return {
        ...queue,
        async expired(request) {
          const ids = (await queue.expired?.(request)) ?? [];
          for (const id of ids) await queue.remove(id);
          return ids;
        },
      };
    },
  },
  {
    flaw: "expired swallows errors",
    caughtBy: ["close: afterwards every verb is rejected"],
    open(limits) {
      const queue = plainQueue(limits);
      return { ...queue, expired: async (request) => (await queue.expired?.(request).catch(() => [])) ?? [] };
    },
  },
];

export const queueMutants: readonly QueueMutant[] = [
  ...keeping,
  ...facetMutants,
  ...arriving,
  ...filtering,
  ...expiring,
];
