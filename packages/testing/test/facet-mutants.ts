/** Queues that lose what a letter tells of replays, or find by its text, its times or its replays what they should not. */
import { type DeadLetter, textOf } from "@hooklatch/core";
import { type Parts, parts, plainQueue } from "./plain-queue.js";
import { type QueueMutant, replacing } from "./queue-mutant.js";

type Facet = "says" | "failedAt" | "replayed";

/** All filters as they should be, but for one. */
function facet(name: Facet, broken: Parts[Facet]): Partial<Parts> {
  const rest = (["says", "failedAt", "replayed"] as const).filter((one) => one !== name);
  return {
    matches(letter, query) {
      const { scope, tenant, key, error, arrivedFrom, arrivedBefore } = query;
      const others = { scope, tenant, key, error, arrivedFrom, arrivedBefore };
      return (
        parts.matches(letter, others) &&
        broken(letter, query) &&
        rest.every((one) => parts[one](letter, query))
      );
    },
  };
}

export const facetMutants: readonly QueueMutant[] = [
  replacing("the history of replays is dropped", "push: keeps the history of replays", {
    copy: ({ replays: _, ...letter }) => structuredClone(letter),
  }),
  replacing("the event as it came is dropped", "push: keeps the history of replays", {
    copy: ({ originalEvent: _, ...letter }) => structuredClone(letter),
  }),
  replacing(
    "a text is looked for in its own case",
    "list and count: by a text",
    facet(
      "says",
      ({ error }, q) => q.errorText === undefined || `${error.name}\n${error.message}`.includes(q.errorText),
    ),
  ),
  replacing(
    "a text is a pattern",
    "list and count: by a text",
    facet("says", ({ error }, q) => {
      const pattern = (q.errorText ?? "").replace(/[[\]\\(){}+?^$|]/g, "\\$&").replace(/[%*]/g, ".*");
      return new RegExp(pattern, "is").test(textOf(error));
    }),
  ),
  replacing(
    "first and last failure are mixed up",
    "list and count: by the first and the last failure",
    facet("failedAt", (letter, q) =>
      parts.failedAt({ ...letter, firstFailedAt: letter.diedAt, diedAt: letter.firstFailedAt }, q),
    ),
  ),
  replacing(
    "a range of times has its end in it",
    "list and count: by the first and the last failure",
    facet("failedAt", (letter, q) =>
      parts.failedAt(letter, { ...q, diedBefore: q.diedBefore === undefined ? undefined : q.diedBefore + 1 }),
    ),
  ),
  replacing(
    "rounds are counted as replays",
    "list and count: by the first and the last failure",
    facet("replayed", ({ rounds }, q) => rounds >= (q.minReplays ?? 0) && rounds <= (q.maxReplays ?? 1_000)),
  ),
  replacing("an event that came without a byte is none", "push: keeps the history of replays", {
    copy: ({ originalEvent, ...letter }) =>
      structuredClone(originalEvent?.byteLength ? { ...letter, originalEvent } : letter),
  }),
  replacing("an empty history is none", "push: keeps the history of replays", {
    copy: ({ replays, ...letter }) => structuredClone(replays?.length ? { ...letter, replays } : letter),
  }),
  replacing(
    "a text is looked for in every attempt",
    "list and count: by a text",
    facet(
      "says",
      (letter, q) =>
        parts.says(letter, q) ||
        letter.attempts.some(({ error }) => error && parts.says({ ...letter, error }, q)),
    ),
  ),
  replacing(
    "a text is looked for at the beginning of a long message",
    "list and count: by a text",
    facet("says", ({ error, ...letter }, q) =>
      parts.says({ ...letter, error: { ...error, message: error.message.slice(0, 1_000) } }, q),
    ),
  ),
  replacing(
    "a range of times begins after its beginning",
    "list and count: by the first and the last failure",
    facet("failedAt", (letter, q) =>
      parts.failedAt(letter, { ...q, firstFailedFrom: q.firstFailedFrom && q.firstFailedFrom + 1 }),
    ),
  ),
  replacing(
    "`maxReplays` is one too many",
    "list and count: by the first and the last failure",
    facet("replayed", ({ replays = [] }, q) => replays.length < (q.maxReplays ?? 1_000)),
  ),
  replacing("count does not look at texts", "list and count: by a text", {
    counted: ({ errorText: _, ...query }) => query,
  }),
  replacing("count does not look at replays", "list and count: by the first and the last failure", {
    counted: ({ minReplays: _, maxReplays: _m, ...query }) => query,
  }),
  ...(["says", "failedAt", "replayed"] as const).map((name): QueueMutant => {
    const open: QueueMutant["open"] = (limits) => {
      const first = new Map<string, DeadLetter>();
      const broken: Parts[Facet] = (letter, q) => {
        if (!first.has(letter.id)) first.set(letter.id, structuredClone(letter));
        return parts[name](first.get(letter.id) as DeadLetter, q);
      };
      return plainQueue(limits, facet(name, broken));
    };
    const caughtBy = ["list and count: a newer version is found by what it says"];
    return { flaw: `a newer version is still found by the old one: ${name}`, caughtBy, open };
  }),
  replacing("pages of a text are cut by offset", "list: pages of these filters hold still", {
    after: (sorted, cursor) =>
      cursor.startsWith("#") ? sorted.slice(Number(cursor.slice(1))) : parts.after(sorted, cursor),
    cursor: (page, before) =>
      page.every(({ letter }) => letter?.error.message === "wanted")
        ? `#${Number(before?.slice(1) ?? 0) + page.length}`
        : parts.cursor(page, before),
    validCursor: (cursor) => /^#?\d+$/.test(cursor),
  }),
  replacing("any text, time or number will do", "list and count: a text, a time or a number", {
    check: () => {},
  }),
  replacing(
    "beside a text, no other filter is looked at",
    "list and count: these filters together",
    facet("failedAt", (letter, q) => q.errorText !== undefined || parts.failedAt(letter, q)),
  ),
];
