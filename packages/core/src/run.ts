/** One claimed operation in this process: its attempts, and the one transition that ends them. */
import type { Codec } from "./codec.js";
import { type ContextParts, createContext, type HandlerContext } from "./context.js";
import { type ErrorRecord, HooklatchError, NonRetryableError, toErrorRecord } from "./errors.js";
import type { Emit } from "./events.js";
import type { Lease, Leases } from "./lease.js";
import type { Settings } from "./options.js";
import { persistWrite } from "./persist.js";
import { delayAfter, isRetryable, runAttempts } from "./retry.js";
import type { AttemptRecord, Held, IdempotencyStore, OperationId, RetryRequest } from "./store.js";
import { storeCall } from "./store-call.js";

/** A retry that has to wait longer than this is left to the store, however large the response window. */
const LONGEST_WAIT_IN_REQUEST_MS = 10_000;

export interface Claimed {
  id: OperationId;
  owner: string;
  token: number;
  attempt: number;
  recovered: boolean;
  replay: boolean;
  /** The dead-letter sink may have a letter of this operation. */
  letter: boolean;
  event: Uint8Array;
  /** When the claim was sent, on the `performance.now()` clock. */
  claimedAt: number;
}

/** How a run ended. `stored`: whoever goes on, the store has the event. */
export type RunEnd<Output> =
  | { kind: "completed"; value: Output; bytes: Uint8Array | null; attempts: number }
  | { kind: "stored"; retryAfterMs: number }
  | { kind: "dead"; error: ErrorRecord; cause: unknown; attempt: number }
  | { kind: "lost" };

export interface RunParts<Input, Output> {
  handler: (input: Input, context: HandlerContext) => Output | Promise<Output>;
  settings: Settings<Input>;
  store: IdempotencyStore;
  codec: Codec<Input, Output>;
  leases: Leases;
  emit: Emit;
}

export interface Run<Output> {
  /** Never rejects. */
  readonly end: Promise<RunEnd<Output>>;
  /** `close()` waits no longer: a run between attempts is handed back, a running handler is aborted and its lease left to run out. */
  giveUp(): void;
  handlerRuns(): boolean;
}

/** What an attempt ended with, other than a result. */
class AttemptFailure {
  constructor(
    readonly error: unknown,
    readonly ended: AttemptRecord,
  ) {}
}
const LOST = Symbol("lost");
/** `close()` gave up just before the attempt would have started. */
const NOT_STARTED = Symbol("not started");

/**
 * Runs a claimed operation to the end of what this process can do for it.
 *
 * @param retryUntil until when retries may happen here rather than by the store's schedule, on the `performance.now()` clock;
 *   `undefined`: nobody waits, so every retry is left to the store
 */
export function startRun<Input, Output>(
  parts: RunParts<Input, Output>,
  work: Claimed,
  retryUntil: number | undefined,
): Run<Output> {
  const { handler, settings, store, codec, leases, emit } = parts;
  const { id, owner, token, replay } = work;
  const held: Held = { id, owner, token };
  const { retry: policy } = settings;
  let attempt = work.attempt;
  let gaveUp = false;
  let interrupt: (() => void) | undefined;
  let stopAttempt: ((reason: unknown) => void) | undefined;
  let abortHandler: ((reason: unknown) => void) | undefined;

  const lease: Lease = leases.hold(held, work.claimedAt, (lost) => {
    emit("leaseLost", { ...id, token });
    const reason = new Error(`The lease of this attempt ${lost.status === "lost" ? "was" : "may be"} lost.`);
    abortHandler?.(reason);
    // Only when somebody else has it for sure: a late run may still complete if nobody took over.
    if (lost.status === "lost") {
      stopAttempt?.(LOST);
      interrupt?.();
    }
  });

  async function all(): Promise<RunEnd<Output>> {
    try {
      if (attempt > policy.maxAttempts) {
        const text = `The operation was started ${policy.maxAttempts} times, and its process did not survive any further attempt.`;
        return await die(new HooklatchError("attempts_exhausted_by_crash", text), undefined);
      }
      return await attempts();
    } catch (error) {
      // Nothing above may throw; if it does, the lease runs out and a worker recovers the operation.
      emit("storeError", { scope: id.scope, operation: "run", error });
      return { kind: "stored", retryAfterMs: settings.leaseMs };
    } finally {
      lease.end();
    }
  }

  async function attempts(): Promise<RunEnd<Output>> {
    // Where to go when the attempts in this process are over without a result.
    let leave: () => Promise<RunEnd<Output>> = async () => lost();
    const again = async (failure: unknown): Promise<boolean> => {
      if (!(failure instanceof AttemptFailure)) return false;
      const { error, ended } = failure;
      if (!isRetryable(policy, error, attempt)) {
        leave = () => die(error, ended);
        return false;
      }
      const delayMs = delayAfter(policy, error, attempt);
      emit("retried", { ...id, attempt, delayMs, error });
      const dueAt = performance.now() + delayMs;
      const delayed = () => ({ delayMs: Math.max(0, dueAt - performance.now()), ended });
      leave = () => wait(delayed());
      if (retryUntil === undefined || delayMs > LONGEST_WAIT_IN_REQUEST_MS || dueAt >= retryUntil)
        return false;
      await pause(delayMs);
      if (gaveUp) return false;
      const counted = lease.status === "lost" ? "lost" : await countNext(ended);
      if (counted === "lost") leave = async () => lost();
      // Whether the store has counted it or not: it did not start, and so it uses up no attempt.
      if (counted === "unknown") leave = () => wait({ ...delayed(), attempt });
      if (counted !== "counted") return false;
      attempt++;
      return true;
    };
    let done: { value: Output; ended: AttemptRecord };
    try {
      done = await runAttempts(runOnce, again);
    } catch (failure) {
      if (failure === NOT_STARTED) return wait({ delayMs: 0, notStarted: true });
      if (failure !== LOST && !(failure instanceof AttemptFailure)) throw failure;
      return leave();
    }
    return finish(done.value, done.ended);
  }

  /** The next attempt is recorded before it starts, so that a crash in it counts. Only when `counted` may it start here. */
  async function countNext(ended: AttemptRecord): Promise<"counted" | "lost" | "unknown"> {
    const sentAt = performance.now();
    try {
      const request = { ...held, leaseMs: settings.leaseMs, attempt: attempt + 1, ended };
      if (!(await storeCall(() => store.extend(request), settings.storeTimeoutMs))) return "lost";
      lease.renewed(sentAt);
      return "counted";
    } catch (error) {
      emit("storeError", { scope: id.scope, operation: "extend", error });
      return "unknown";
    }
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (gaveUp) return resolve();
      const timer = setTimeout(resolve, ms);
      interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async function runOnce(): Promise<{ value: Output; ended: AttemptRecord }> {
    if (gaveUp) throw NOT_STARTED;
    const startedAt = Date.now();
    const from = performance.now();
    const record = (error?: unknown): AttemptRecord => ({
      attempt,
      startedAt,
      durationMs: Math.round(performance.now() - from),
      owner,
      ...(error === undefined ? {} : { error: toErrorRecord(error) }),
    });
    const contextParts: ContextParts = { id, attempt, token, replay };
    const { context, abort } = createContext(contextParts);
    abortHandler = abort;
    if (lease.status !== "kept") abort(new Error("The lease of this attempt may be lost."));
    try {
      const value = await new Promise<Output>((resolve, reject) => {
        stopAttempt = reject;
        const timer = setTimeout(() => {
          const text = `The attempt ran for longer than maxRunMs (${settings.maxRunMs} ms).`;
          reject(new HooklatchError("max_run_exceeded", text, { retryable: true }));
        }, settings.maxRunMs);
        (timer as { unref?(): void }).unref?.();
        // Also a handler that throws synchronously ends here; one that ends late finds the promise settled, and is ignored.
        Promise.resolve()
          .then(() => handler(decode(), context))
          .finally(() => clearTimeout(timer))
          .then(resolve, reject);
      });
      return { value, ended: record() };
    } catch (error) {
      if (error === LOST) throw LOST;
      abort(error);
      throw new AttemptFailure(error, record(error ?? new Error("The handler threw `undefined`.")));
    } finally {
      stopAttempt = undefined;
      abortHandler = undefined;
    }
  }

  /** Decoded anew for each attempt, so that one that changes its input changes nothing for the next. */
  function decode(): Input {
    try {
      return codec.decodeInput(work.event);
    } catch (cause) {
      throw new NonRetryableError("The stored event cannot be decoded.", { cause });
    }
  }

  async function finish(value: Output, ended: AttemptRecord): Promise<RunEnd<Output>> {
    const bytes = encode(value);
    const request = { ...held, result: bytes, retentionMs: settings.retentionMs, ended };
    const confirmed = await persist("complete", () => store.complete(request));
    if (confirmed === false) return lost();
    if (confirmed === undefined) return { kind: "stored", retryAfterMs: settings.leaseMs };
    emit("completed", { ...id, attempt, durationMs: ended.durationMs });
    return { kind: "completed", value, bytes, attempts: attempt };
  }

  function encode(value: Output): Uint8Array | null {
    try {
      const bytes = codec.encodeOutput(value);
      if (bytes.byteLength <= settings.maxResultBytes) return bytes;
      emit("resultNotKept", { ...id, reason: new Error(`The result has ${bytes.byteLength} bytes.`) });
    } catch (reason) {
      emit("resultNotKept", { ...id, reason });
    }
    return null;
  }

  async function die(error: unknown, ended: AttemptRecord | undefined): Promise<RunEnd<Output>> {
    const record = toErrorRecord(error);
    const request = { ...held, error: record, ended, letter: settings.deadLetters !== undefined };
    const confirmed = await persist("fail", () => store.fail(request));
    if (confirmed === false) return lost();
    if (confirmed === undefined) return { kind: "stored", retryAfterMs: settings.leaseMs };
    return { kind: "dead", error: record, cause: error, attempt };
  }

  async function wait(how: Omit<RetryRequest, keyof Held>): Promise<RunEnd<Output>> {
    const confirmed = await persist("retry", () => store.retry({ ...held, ...how }));
    return confirmed === false ? lost() : { kind: "stored", retryAfterMs: how.delayMs };
  }

  function lost(): RunEnd<Output> {
    return { kind: "lost" };
  }

  function persist(operation: string, write: () => Promise<boolean>): Promise<boolean | undefined> {
    return persistWrite(write, {
      lease,
      leaseMs: settings.leaseMs,
      storeTimeoutMs: settings.storeTimeoutMs,
      gaveUp: () => gaveUp,
      onError: (error) => emit("storeError", { scope: id.scope, operation, error }),
    });
  }

  return {
    end: all(),
    giveUp() {
      gaveUp = true;
      interrupt?.();
      abortHandler?.(new HooklatchError("closed", "close() waits no longer for this handler."));
      // A handler that still runs keeps its lease until it runs out, so that nobody overlaps it.
      if (stopAttempt !== undefined) lease.end();
    },
    handlerRuns: () => stopAttempt !== undefined,
  };
}
