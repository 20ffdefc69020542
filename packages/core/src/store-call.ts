/** Calls to stores and sinks with a deadline of their own: one that hangs must never hang a request. */
import { createDeadlines } from "./deadlines.js";
import { HooklatchError } from "./errors.js";

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Runs a store operation, and sends it again when it fails, until its time is over. Safe, because each operation of the contract
 * may be sent twice. Rejects with a
 *
 * - {HooklatchError} `store_timeout` when no answer came;
 * - `store_unavailable` with the store's error as its cause when the last answer was an error;
 * - a coded error that cannot change by itself (`store_closed`, `event_not_kept`, …) at once, as it is.
 */
export type StoreCall = <T>(operation: () => Promise<T>) => Promise<T>;

/** For many calls with the same limit, which share a timer. */
export function createStoreCall(timeoutMs: number): StoreCall {
  const deadlines = createDeadlines({ ms: timeoutMs, keepAlive: true });
  return (operation) =>
    new Promise((resolve, reject) => {
      let late = false;
      const deadline = deadlines.start(() => {
        late = true;
        reject(noAnswer(timeoutMs));
      });
      begun(operation).then(
        (value) => {
          deadline.end();
          resolve(value);
        },
        (error: unknown) => {
          deadline.end();
          // Nobody waits any longer, and nobody would catch what it rejects with.
          if (!late) resolve(sendAgain(operation, error, deadline.at, timeoutMs));
        },
      );
    });
}

/** One call, with a limit of its own. */
export async function storeCall<T>(operation: () => Promise<T>, timeoutMs: number): Promise<T> {
  const until = performance.now() + timeoutMs;
  try {
    return await withDeadline(begun(operation), timeoutMs, () => noAnswer(timeoutMs));
  } catch (error) {
    return sendAgain(operation, error, until, timeoutMs);
  }
}

async function sendAgain<T>(
  operation: () => Promise<T>,
  failure: unknown,
  until: number,
  timeoutMs: number,
): Promise<T> {
  let error = failure;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    if (HooklatchError.is(error) && !error.retryable) throw error;
    if (HooklatchError.is(error, "store_timeout")) throw error;
    // Half to whole, so that many callers do not come back at once.
    const wait = pause * (0.5 + Math.random() / 2);
    if (performance.now() + wait >= until) {
      if (HooklatchError.is(error)) throw error;
      throw new HooklatchError("store_unavailable", `The store failed: ${messageOf(error)}`, {
        cause: error,
        retryable: true,
      });
    }
    await new Promise<void>((resolve) => setTimeout(resolve, wait));
    try {
      return await withDeadline(begun(operation), until - performance.now(), () => noAnswer(timeoutMs));
    } catch (next) {
      error = next;
    }
  }
}

/** A call to the sink that does not answer must not hold a request or a worker's place for ever. */
export function sinkCall<T>(call: () => Promise<T>, timeoutMs: number): Promise<T> {
  return withDeadline(Promise.resolve().then(call), timeoutMs, () => {
    return new Error(`The dead-letter sink gave no answer within ${timeoutMs} ms.`);
  });
}

/** Also what throws at once is an answer. */
function begun<T>(operation: () => Promise<T>): Promise<T> {
  try {
    return operation();
  } catch (error) {
    return Promise.reject(error);
  }
}

function noAnswer(timeoutMs: number): HooklatchError {
  const text = `The store gave no answer within ${timeoutMs} ms.`;
  return new HooklatchError("store_timeout", text, { retryable: true });
}

/** The promise's outcome, or a rejection with `late()` after `ms`. A later outcome is ignored. */
function withDeadline<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), Math.max(0, ms));
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error as Error);
      },
    );
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
