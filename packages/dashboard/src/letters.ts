/** Dead letters as the page asks for them: a list, a count, one in full. */
import {
  closedFilter,
  type DeadLetter,
  type DeadLetterQueue,
  type IdempotencyStore,
  type LetterFilter,
  type OperationId,
  operationOf,
  pageLimit,
} from "@hooklatch/core";
import {
  type ClosedFilter,
  FILTER_NUMBERS,
  FILTER_TEXTS,
  type Filter,
  type LetterCount,
  type LetterDetail,
  type LetterPage,
  type LetterSummary,
} from "./api.js";
import { curlOf } from "./curl.js";
import type { Settings } from "./options.js";
import { refuse } from "./refusal.js";
import { errorShown, eventShown, seen, timelineOf } from "./shown.js";

/** A letter comes with its event, so a page of them may be large. */
const MOST_LISTED = 50;
/** A message in a list. */
const BRIEF = 300;

/**
 * From a query string, or from the body of a bulk action. What is not known is refused: a filter that is not understood finds too much.
 * @throws {Refusal} `invalid_filter`, `search_redacted`
 */
export function filterOf(
  { redactText }: Pick<Settings, "redactText">,
  given: Readonly<Record<string, unknown>>,
): LetterFilter {
  const filter: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === "" || value === undefined) continue;
    if ((FILTER_TEXTS as readonly string[]).includes(name) && typeof value === "string") filter[name] = value;
    else if ((FILTER_NUMBERS as readonly string[]).includes(name) && isNumber(value))
      filter[name] = Number(value);
    else
      throw refuse(400, "invalid_filter", `There is no filter \`${name.slice(0, 50)}\` with such a value.`);
  }
  if (redactText !== undefined) assertShown(filter, redactText);
  return filter satisfies Filter as LetterFilter;
}

/**
 * A search must not find what is not shown: asked piece by piece, it would tell all of it. A name or code is compared as a whole, so that one
 * which is shown as it is tells nothing.
 */
function assertShown({ errorText, error }: Filter, redactText: (text: string) => string): void {
  if (errorText === undefined && (error === undefined || redactText(error) === error)) return;
  throw refuse(
    400,
    "search_redacted",
    "Errors are not shown as they are here (`redactText`), so letters cannot be searched by what is left out.",
  );
}

function isNumber(value: unknown): boolean {
  return (typeof value === "number" || typeof value === "string") && Number.isFinite(Number(value));
}

export async function listLetters(settings: Settings, query: URLSearchParams): Promise<LetterPage> {
  const { limit = "25", cursor = "", ...filter } = Object.fromEntries(query);
  const page = await settings.deadLetters.list({
    ...filterOf(settings, filter),
    limit: Math.min(pageLimit({ limit: Number(limit) }), MOST_LISTED),
    ...(cursor !== "" && { cursor }),
  });
  const letters = await Promise.all(page.letters.map((letter) => summaryOf(settings, letter, BRIEF)));
  return { letters, ...(page.nextCursor !== undefined && { nextCursor: page.nextCursor }) };
}

export async function countLetters(settings: Settings, query: URLSearchParams): Promise<LetterCount> {
  return { letters: await settings.deadLetters.count(filterOf(settings, Object.fromEntries(query))) };
}

/** The filter of a bulk action, closed, and how many it finds. */
export async function closeFilter(settings: Settings, query: URLSearchParams): Promise<ClosedFilter> {
  const { deadLetters } = settings;
  const given = filterOf(settings, Object.fromEntries(query));
  const filter = await closedFilter(deadLetters, given);
  return { filter: filter as Filter, letters: await deadLetters.count(filter) };
}

export async function letterDetail(settings: Settings, id: string): Promise<LetterDetail> {
  const letter = await found(settings.deadLetters, id);
  const event = seen(letter.event, settings);
  const curl = curlOf(event);
  return {
    ...(await summaryOf(settings, letter)),
    version: { bornAt: letter.bornAt, token: letter.token },
    errorShown: errorShown(letter.error, settings),
    event: eventShown(event),
    ...(letter.originalEvent && { original: eventShown(seen(letter.originalEvent, settings)) }),
    timeline: timelineOf(letter.attempts, settings),
    replayHistory: (letter.replays ?? []).map(
      (replay) => ({ ...replay }) as LetterDetail["replayHistory"][number],
    ),
    ...(curl !== undefined && { curl }),
  };
}

/** @throws {Refusal} `letter_not_found` */
export async function found(queue: DeadLetterQueue, id: string): Promise<DeadLetter> {
  const letter = await queue.get(id);
  if (letter !== undefined) return letter;
  throw refuse(
    404,
    "letter_not_found",
    "There is no such letter: its operation completed, or it was discarded.",
  );
}

async function summaryOf(settings: Settings, letter: DeadLetter, brief?: number): Promise<LetterSummary> {
  const { id, scope, tenant, key, attempts, rounds, replays = [], originalEvent } = letter;
  const { stack: _, ...error } = errorShown(letter.error, settings);
  return {
    id,
    scope,
    ...(tenant !== undefined && { tenant }),
    key,
    error: { ...error, message: brief === undefined ? error.message : error.message.slice(0, brief) },
    attempts: attempts.length,
    rounds,
    replays: replays.length,
    edited: originalEvent !== undefined,
    firstFailedAt: letter.firstFailedAt,
    diedAt: letter.diedAt,
    ...(letter.arrivedAt !== undefined && { arrivedAt: letter.arrivedAt }),
    ...(await stateOf(settings.store, operationOf(letter))),
  };
}

/** A letter can be read while the store is down: then nobody knows. */
async function stateOf(
  store: IdempotencyStore,
  id: OperationId,
): Promise<Pick<LetterSummary, "state" | "dueAt">> {
  try {
    const record = await store.get(id);
    if (record === undefined) return { state: "gone" };
    const { state, dueAt } = record;
    return { state, ...(state === "waiting" && dueAt !== undefined && { dueAt }) };
  } catch {
    return { state: "unknown" };
  }
}
