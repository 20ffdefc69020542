/** Replaying and discarding many letters: by filter, or by id. */
import { type DeadLetter, type DeadLetterQueue, operationOf } from "./dead-letter.js";
import { discardLetter } from "./discard.js";
import { HooklatchError } from "./errors.js";
import { type LetterFilter, letterPages } from "./letter-walk.js";
import { number } from "./options.js";
import { replayLetter } from "./replay.js";
import type { IdempotencyStore, OperationId, Scheduled } from "./store.js";

/** Letters that are asked for by id in one step. */
const IDS_AT_ONCE = 50;

export interface BatchOptions {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  /**
   * Which letters: by filter, newest arrival first; those that arrive meanwhile are left out. Or by id. `{}`: all of them, but not for `discardMany`.
   */
  letters: LetterFilter | readonly string[];
  /** Where an earlier batch stopped: `next` of its last step. */
  from?: string | undefined;
}

export interface ReplayManyOptions extends BatchOptions {
  /**
   * The same batch puts each letter back once, however often it is begun again, after a crash for instance. Begin again with the same filter
   * and an `arrivedBefore` of when it began first, or letters that arrived since are replayed with it. Default: a random one.
   */
  batchId?: string | undefined;
  /** How many become due in each second, so that the handler is not flooded. 0.01 to 10 000. Default: 10. */
  perSecond?: number | undefined;
  by?: string | undefined;
  note?: string | undefined;
}

export interface BatchItem<Status extends string> {
  /** The letter's id. */
  id: string;
  /** Absent for a letter that was not found. */
  operation?: OperationId | undefined;
  status: Status | "not_found" | "failed";
  /** Of `failed`. */
  error?: unknown;
}

export interface BatchStep<Status extends string> {
  items: BatchItem<Status>[];
  /** Where to go on after this step; absent at the end. */
  next?: string | undefined;
}

export type DiscardManyStatus = "discarded" | "running";
/** `already`: this batch put it back before. The others: see `replay`. */
export type ReplayManyStatus = Scheduled["status"] | "already";

/**
 * Puts many letters back, in steps of up to 50, each letter at most once for each `batchId`. They become due one after the other, at the given
 * rate: the waiting is in the store, so nothing is lost when this process dies, and workers do the rest.
 *
 * A letter that cannot be put back is `failed`, and the batch goes on; it rejects when the letters cannot be read.
 * A dry run is `deadLetters.count(filter)`.
 *
 * @throws {HooklatchError} `invalid_option`, `invalid_argument`
 */
export async function* replayMany(options: ReplayManyOptions): AsyncGenerator<BatchStep<ReplayManyStatus>> {
  const { store, batchId = globalThis.crypto.randomUUID() } = options;
  const gapMs = 1_000 / number(options.perSecond, "perSecond", 10, 0.01, 10_000);
  const [laterThan, cursor] = readPlace(options.from);
  let dueAt = Math.max(Date.now(), laterThan);

  async function putBack(letter: DeadLetter): Promise<ReplayManyStatus> {
    const replayId = `${batchId}:${letter.id}`;
    const known = await store.get(operationOf(letter));
    // Goes on at the same rate, behind what was put back before.
    if (known?.replayId === replayId) dueAt = Math.max(dueAt, (known.dueAt ?? 0) + gapMs);
    if (known?.replayId === replayId || known?.replays.some((one) => one.replayId === replayId))
      return "already";
    // After a pause it makes up for nothing: what is overdue would be due at once.
    dueAt = Math.max(dueAt, Date.now());
    const delayMs = Math.max(0, dueAt - Date.now());
    dueAt += gapMs;
    const { deadLetters, by, note } = options;
    const { status } = await replayLetter(letter, { store, deadLetters, replayId, delayMs, by, note });
    return status;
  }
  for await (const step of steps(options, cursor)) {
    const items = await each(step.letters, putBack);
    yield report(step, dueAt, items);
  }
}

/**
 * Gives many letters up, in steps of up to 50: `discard` for each. As `replayMany`, it goes on where one fails.
 * A filter that says nothing is refused, because it may be one that was lost on the way: for all letters say `closedFilter(queue, {})`.
 * @throws {HooklatchError} `invalid_argument`
 */
export async function* discardMany(options: BatchOptions): AsyncGenerator<BatchStep<DiscardManyStatus>> {
  const [, cursor] = readPlace(options.from);
  if (
    !isList(options.letters) &&
    !Object.values(options.letters).some((value) => value !== undefined && value !== "")
  ) {
    throw new HooklatchError("invalid_argument", "A filter of what to discard must say something.");
  }
  const giveUp = async (letter: DeadLetter) => (await discardLetter(letter, options)).status;
  for await (const step of steps(options, cursor)) yield report(step, 0, await each(step.letters, giveUp));
}

interface Page {
  letters: DeadLetter[];
  /** Ids of which there is no letter. */
  missing: string[];
  cursor?: string | undefined;
}

async function* steps(
  { deadLetters, letters }: BatchOptions,
  cursor: string | undefined,
): AsyncGenerator<Page> {
  if (!isList(letters)) {
    for await (const page of letterPages(deadLetters, letters, cursor))
      yield { letters: page.letters, missing: [], cursor: page.nextCursor };
    return;
  }
  const ids = [...new Set(letters)];
  for (let from = Number(cursor ?? 0); from < ids.length; from += IDS_AT_ONCE) {
    const asked = ids.slice(from, from + IDS_AT_ONCE);
    const found = await Promise.all(asked.map((id) => deadLetters.get(id)));
    const end = from + IDS_AT_ONCE;
    yield {
      letters: found.filter((letter) => letter !== undefined),
      missing: asked.filter((_, n) => found[n] === undefined),
      ...(end < ids.length && { cursor: String(end) }),
    };
  }
}

/** One that fails keeps none of the others from their turn. */
function each<Status extends string>(
  letters: readonly DeadLetter[],
  act: (letter: DeadLetter) => Promise<Status>,
): Promise<BatchItem<Status>[]> {
  return Promise.all(
    letters.map(async (letter): Promise<BatchItem<Status>> => {
      const item = { id: letter.id, operation: operationOf(letter) };
      try {
        return { ...item, status: await act(letter) };
      } catch (error) {
        return { ...item, status: "failed", error };
      }
    }),
  );
}

function report<Status extends string>(
  { missing, cursor }: Page,
  dueAt: number,
  items: BatchItem<Status>[],
): BatchStep<Status> {
  const absent = missing.map((id): BatchItem<Status> => ({ id, status: "not_found" }));
  return {
    items: [...items, ...absent],
    ...(cursor !== undefined && { next: `${Math.ceil(dueAt)}@${cursor}` }),
  };
}

/** A place is where to go on, and when what was put back last becomes due. */
function readPlace(from: string | undefined): [laterThan: number, cursor: string | undefined] {
  if (from === undefined) return [0, undefined];
  const [, dueAt, cursor] = /^(\d{1,15})@(.{1,200})$/.exec(from) ?? [];
  if (cursor === undefined)
    throw new HooklatchError("invalid_argument", "`from` is not the `next` of a batch.");
  return [Number(dueAt), cursor];
}

function isList(letters: BatchOptions["letters"]): letters is readonly string[] {
  return Array.isArray(letters);
}
