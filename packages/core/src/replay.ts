/** An operator's replay of one dead letter. */
import { type DeadLetter, type DeadLetterQueue, operationOf } from "./dead-letter.js";
import { changesBetween } from "./edit.js";
import { HooklatchError } from "./errors.js";
import type { IdempotencyStore, OperationPast, Scheduled, ScheduleRequest } from "./store.js";

export interface ReplayOptions {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  /** The letter's id. */
  id: string;
  /** The same replay id puts the letter back once, however often it is sent. Default: a random one. */
  replayId?: string | undefined;
  /** Default: 0. */
  delayMs?: number | undefined;
  /**
   * Runs this instead of the letter's event: `withBody` makes it of the letter's. The event that the sender delivered is kept, and the history says
   * what was changed.
   */
  event?: Uint8Array | undefined;
  /** Who asks for it, for the letter's history. */
  by?: string | undefined;
  /** Why, for the letter's history. */
  note?: string | undefined;
}

export type Replayed = Scheduled | { status: "not_found" };

/**
 * Puts a dead letter back to work: a worker of its scope runs it with a full new round of attempts. The letter leaves the queue
 * when the operation completes, and gains attempts when it fails again.
 *
 * `completed`: it completed meanwhile, the letter was removed. `running`, `superseded`: it was delivered again meanwhile.
 */
export async function replay(options: ReplayOptions): Promise<Replayed> {
  const letter = await options.deadLetters.get(options.id);
  return letter === undefined ? { status: "not_found" } : replayLetter(letter, options);
}

/** `replay`, of a letter that was read already: of this very version, and `superseded` if its operation moved on since. */
export async function replayLetter(
  letter: DeadLetter,
  { store, deadLetters, replayId, delayMs = 0, event, by, note }: Omit<ReplayOptions, "id">,
): Promise<Scheduled> {
  const changed = event === undefined ? [] : changesBetween(letter.event, event);
  const edited =
    changed.length === 0
      ? {}
      : { event, originalEvent: letter.originalEvent ?? letter.event, past: pastOf(letter) };
  const scheduled = await rearm(store, letter, {
    id: operationOf(letter),
    replayId: replayId ?? globalThis.crypto.randomUUID(),
    delayMs,
    expectedToken: letter.token,
    expectedBornAt: letter.bornAt,
    about: { ...(by && { by }), ...(note && { note }), ...(changed.length > 0 && { changed }) },
    ...edited,
  });
  if (scheduled.status === "completed") await deadLetters.remove(letter.id, letter);
  return scheduled;
}

/** Most stores still have the event: the letter's, and its past, are sent only where they are missed, or with an edit, which misses nothing. */
async function rearm(
  store: IdempotencyStore,
  letter: DeadLetter,
  request: ScheduleRequest,
): Promise<Scheduled> {
  try {
    return await store.schedule(request);
  } catch (error) {
    if (!HooklatchError.is(error, "event_not_kept")) throw error;
    const { event, originalEvent } = letter;
    return store.schedule({
      event,
      ...(originalEvent && { originalEvent }),
      ...request,
      past: pastOf(letter),
    });
  }
}

function pastOf({ bornAt, rounds, attempts, replays = [] }: DeadLetter): OperationPast {
  return { bornAt, rounds, attempts, replays };
}
