/** One claimed operation in this process: its attempts, and the one transition that ends them. */
import { Attempt, type AttemptEnd, AttemptFailure, Success } from "./attempt.js";
import type { Codec } from "./codec.js";
import type { HandlerContext } from "./context.js";
import type { Deadlines } from "./deadlines.js";
import { type ErrorRecord, HooklatchError, NonRetryableError, toErrorRecord } from "./errors.js";
import type { Emit } from "./events.js";
import type { Lease, Leases } from "./lease.js";
import type { Settings } from "./options.js";
import { persistWrite, type Writer } from "./persist.js";
import { delayAfter, isRetryable, retryAttempts } from "./retry.js";
import type { AttemptRecord, Held, IdempotencyStore, OperationId, RetryRequest } from "./store.js";
import type { StoreCall } from "./store-call.js";

/** A retry that has to wait longer than this is left to the store, however large the response window. */
const LONGEST_WAIT_IN_REQUEST_MS = 10_000;

export interface Claimed<Input = unknown> {
  id: OperationId;
  owner: string;
  token: number;
  attempt: number;
  recovered: boolean;
  replay: boolean;
  /** The dead-letter sink may have a letter of this operation. */
  letter: boolean;
  event: Uint8Array;
  /** What decoding `event` would give, for the first attempt. */
  input?: (() => Input) | undefined;
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
  /** With the limit `storeTimeoutMs`. */
  callStore: StoreCall;
  leases: Leases;
  /** Of `maxRunMs`. */
  runLimits: Deadlines;
  emit: Emit;
}

export interface Run<Output> {
  /** Never rejects. */
  readonly end: Promise<RunEnd<Output>>;
  /** `close()` waits no longer: a run between attempts is handed back, a running handler is aborted and its lease left to run out. */
  giveUp(): void;
  handlerRuns(): boolean;
}

/**
 * Runs a claimed operation to the end of what this process can do for it.
 *
 * @param retryUntil until when retries may happen here rather than by the store's schedule, on the `performance.now()` clock;
 *   `undefined`: nobody waits, so every retry is left to the store
 */
export function startRun<Input, Output>(
  parts: RunParts<Input, Output>,
  work: Claimed<Input>,
  retryUntil: number | undefined,
): Run<Output> {
  return new OperationRun(parts, work, retryUntil);
}

/** Where a run goes when its attempts in this process are over without a result. */
type Leave<Output> = () => Promise<RunEnd<Output>>;

const LOST = { kind: "lost" } as const;

/** A class, because an object with a closure for each of its methods costs more than the rest of a run that goes well. */
class OperationRun<Input, Output> implements Run<Output>, Writer {
  readonly end: Promise<RunEnd<Output>>;
  readonly lease: Lease;
  readonly leaseMs: number;
  readonly storeTimeoutMs: number;
  readonly callStore: StoreCall;
  gaveUp = false;
  readonly #held: Held;
  #attempt: number;
  #freshInput: (() => Input) | undefined;
  /** The one that the handler runs in. */
  #running: Attempt<Output> | undefined;
  /** Ends the wait for the next one. */
  #interrupt: (() => void) | undefined;

  constructor(
    private readonly parts: RunParts<Input, Output>,
    private readonly work: Claimed<Input>,
    private readonly retryUntil: number | undefined,
  ) {
    const { id, owner, token, attempt, input, claimedAt } = work;
    const { settings, callStore, leases } = parts;
    this.callStore = callStore;
    this.leaseMs = settings.leaseMs;
    this.storeTimeoutMs = settings.storeTimeoutMs;
    this.#held = { id, owner, token };
    this.#attempt = attempt;
    this.#freshInput = input;
    this.lease = leases.hold(this.#held, claimedAt, (lost) => this.#onLoss(lost));
    this.end = this.#all();
  }

  giveUp(): void {
    this.gaveUp = true;
    this.#interrupt?.();
    this.#running?.abort(new HooklatchError("closed", "close() waits no longer for this handler."));
    // A handler that still runs keeps its lease until it runs out, so that nobody overlaps it.
    if (this.#running !== undefined) this.lease.end();
  }

  handlerRuns(): boolean {
    return this.#running !== undefined;
  }

  onError(operation: string, error: unknown): void {
    this.parts.emit("storeError", { scope: this.work.id.scope, operation, error });
  }

  #onLoss({ status }: Lease): void {
    const { id, token } = this.work;
    this.parts.emit("leaseLost", { ...id, token });
    const reason = new Error(`The lease of this attempt ${status === "lost" ? "was" : "may be"} lost.`);
    this.#running?.abort(reason);
    // Only when somebody else has it for sure: a late run may still complete if nobody took over.
    if (status !== "lost") return;
    this.#running?.lose();
    this.#interrupt?.();
  }

  async #all(): Promise<RunEnd<Output>> {
    const { maxAttempts } = this.parts.settings.retry;
    try {
      if (this.#attempt > maxAttempts) {
        const text = `The operation was started ${maxAttempts} times, and its process did not survive any further attempt.`;
        return await this.#die(new HooklatchError("attempts_exhausted_by_crash", text), undefined);
      }
      const first = await this.#runOnce();
      return await (first instanceof Success ? this.#finish(first) : this.#goOn(first));
    } catch (error) {
      // Nothing above may throw; if it does, the lease runs out and a worker recovers the operation.
      this.onError("run", error);
      return { kind: "stored", retryAfterMs: this.leaseMs };
    } finally {
      this.lease.end();
    }
  }

  // ---- an attempt ---------------------------------------------------------------------------------------------------

  /** Never rejects. */
  #runOnce(): Promise<AttemptEnd<Output>> {
    if (this.gaveUp) return Promise.resolve("not started");
    const { handler, runLimits, settings } = this.parts;
    const { id, owner, token, replay } = this.work;
    return new Promise((resolve) => {
      const number = this.#attempt;
      const attempt = new Attempt<Output>({ id, attempt: number, token, replay }, owner, (end) => {
        this.#running = undefined;
        resolve(end);
      });
      this.#running = attempt;
      if (this.lease.status !== "kept") attempt.abort(new Error("The lease of this attempt may be lost."));
      attempt.limit(runLimits, settings.maxRunMs);
      attempt.run(() => handler(this.#input(), attempt.context));
    });
  }

  /** Made anew for each attempt, so that one that changes its input changes nothing for the next. */
  #input(): Input {
    const fresh = this.#freshInput;
    if (fresh !== undefined) {
      this.#freshInput = undefined;
      return fresh();
    }
    try {
      return this.parts.codec.decodeInput(this.work.event);
    } catch (cause) {
      throw new NonRetryableError("The stored event cannot be decoded.", { cause });
    }
  }

  // ---- after an attempt that failed ---------------------------------------------------------------------------------

  async #goOn(first: Exclude<AttemptEnd<Output>, Success<Output>>): Promise<RunEnd<Output>> {
    let leave: Leave<Output> = async () => LOST;
    const again = async (end: unknown): Promise<boolean> => {
      if (end === "not started") leave = () => this.#wait({ delayMs: 0, notStarted: true });
      if (!(end instanceof AttemptFailure)) return false;
      const next = await this.#nextAfter(end);
      if (next === "attempt") return true;
      leave = next;
      return false;
    };
    let success: Success<Output>;
    try {
      success = await retryAttempts(first, () => this.#runOnce().then(orThrow), again);
    } catch (end) {
      if (!isAttemptEnd(end)) throw end;
      return leave();
    }
    return this.#finish(success);
  }

  /** `attempt`: the next one is counted, and may start here. */
  async #nextAfter({ error, ended }: AttemptFailure): Promise<"attempt" | Leave<Output>> {
    const { settings, emit } = this.parts;
    const { retry: policy } = settings;
    if (!isRetryable(policy, error, this.#attempt)) return () => this.#die(error, ended);
    const delayMs = delayAfter(policy, error, this.#attempt);
    emit("retried", { ...this.work.id, attempt: this.#attempt, delayMs, error });
    const dueAt = performance.now() + delayMs;
    const delayed = () => ({ delayMs: Math.max(0, dueAt - performance.now()), ended });
    const { retryUntil } = this;
    if (retryUntil === undefined || delayMs > LONGEST_WAIT_IN_REQUEST_MS || dueAt >= retryUntil)
      return () => this.#wait(delayed());
    await this.#pause(delayMs);
    if (this.gaveUp) return () => this.#wait(delayed());
    const counted = this.lease.status === "lost" ? "lost" : await this.#countNext(ended);
    if (counted === "lost") return async () => LOST;
    // Whether the store has counted it or not: it did not start, and so it uses up no attempt.
    if (counted === "unknown") return () => this.#wait({ ...delayed(), attempt: this.#attempt });
    this.#attempt++;
    return "attempt";
  }

  /** The next attempt is recorded before it starts, so that a crash in it counts. Only when `counted` may it start here. */
  async #countNext(ended: AttemptRecord): Promise<"counted" | "lost" | "unknown"> {
    const sentAt = performance.now();
    try {
      const request = { ...this.#held, leaseMs: this.leaseMs, attempt: this.#attempt + 1, ended };
      if (!(await this.callStore(() => this.parts.store.extend(request)))) return "lost";
      this.lease.renewed(sentAt);
      return "counted";
    } catch (error) {
      this.onError("extend", error);
      return "unknown";
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.gaveUp) return resolve();
      const timer = setTimeout(resolve, ms);
      this.#interrupt = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // ---- the one transition that ends it ------------------------------------------------------------------------------

  async #finish({ value, ended }: Success<Output>): Promise<RunEnd<Output>> {
    const { settings, store, emit } = this.parts;
    const { id, owner, token } = this.#held;
    const bytes = this.#encode(value);
    const request = { id, owner, token, result: bytes, retentionMs: settings.retentionMs, ended };
    const confirmed = await persistWrite("complete", () => store.complete(request), this);
    if (confirmed === false) return LOST;
    if (confirmed === undefined) return { kind: "stored", retryAfterMs: this.leaseMs };
    if (emit.hears("completed"))
      emit("completed", { ...id, attempt: this.#attempt, durationMs: ended.durationMs });
    return { kind: "completed", value, bytes, attempts: this.#attempt };
  }

  #encode(value: Output): Uint8Array | null {
    const { codec, settings, emit } = this.parts;
    const { id } = this.#held;
    try {
      const bytes = codec.encodeOutput(value);
      if (bytes.byteLength <= settings.maxResultBytes) return bytes;
      emit("resultNotKept", { ...id, reason: new Error(`The result has ${bytes.byteLength} bytes.`) });
    } catch (reason) {
      emit("resultNotKept", { ...id, reason });
    }
    return null;
  }

  async #die(error: unknown, ended: AttemptRecord | undefined): Promise<RunEnd<Output>> {
    const { settings, store } = this.parts;
    const record = toErrorRecord(error);
    const request = { ...this.#held, error: record, ended, letter: settings.deadLetters !== undefined };
    const confirmed = await persistWrite("fail", () => store.fail(request), this);
    if (confirmed === false) return LOST;
    if (confirmed === undefined) return { kind: "stored", retryAfterMs: this.leaseMs };
    return { kind: "dead", error: record, cause: error, attempt: this.#attempt };
  }

  async #wait(how: Omit<RetryRequest, keyof Held>): Promise<RunEnd<Output>> {
    const request = { ...this.#held, ...how };
    const confirmed = await persistWrite("retry", () => this.parts.store.retry(request), this);
    return confirmed === false ? LOST : { kind: "stored", retryAfterMs: how.delayMs };
  }
}

function orThrow<Output>(end: AttemptEnd<Output>): Success<Output> {
  if (end instanceof Success) return end;
  throw end;
}

function isAttemptEnd(end: unknown): boolean {
  return end instanceof AttemptFailure || end === "lost" || end === "not started";
}
