/**
 * The flow: from a call to its outcome. Claim, run, answer in time; what this process cannot finish, the store keeps and a worker of
 * any process goes on with.
 */
import { type Codec, jsonCodec } from "./codec.js";
import type { HandlerContext } from "./context.js";
import { bury, unbury } from "./dead-letter.js";
import { type ErrorRecord, HooklatchError } from "./errors.js";
import { emitter } from "./events.js";
import { canonicalJson, fingerprintOf } from "./fingerprint.js";
import { extractFingerprint, extractPart, letterId, storageKey } from "./key.js";
import { createLeases } from "./lease.js";
import { type IdempotencyOptions, MAX_TIMER_MS, resolveOptions, type Settings } from "./options.js";
import type { Outcome } from "./outcome.js";
import { type Claimed, type Run, type RunEnd, startRun } from "./run.js";
import type { Claim, ClaimRequest, DueWork, LetterNote, OperationId } from "./store.js";
import { sinkCall, storeCall } from "./store-call.js";
import { createWaiters } from "./waiters.js";
import { createWorker } from "./worker.js";

export interface IdempotentHandler<Input, Output> {
  /**
   * Runs the handler, or answers with what an earlier run of the same operation ended with.
   *
   * @throws {HooklatchError} before anything ran or was stored: `invalid_key`, `invalid_tenant`, `not_encodable`, `closed`,
   *   `store_unavailable`, `store_timeout`. Whatever the handler throws becomes an outcome, never a rejection.
   */
  (input: Input): Promise<Outcome<Output>>;
  /** Starts the worker. Happens by itself at the first call; call it at boot where no call may come. */
  start(): void;
  /**
   * Refuses new calls, waits for running handlers for `drainMs` (default 10 000), then hands back what is between attempts. A handler
   * that still runs is aborted and keeps its lease until that runs out.
   */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  drainMs?: number | undefined;
}

/**
 * Makes a function safe to call twice, safe to crash and safe to fail.
 *
 * At most one completion is recorded per operation. A second run starts only after a lease ran out, an attempt failed or overran
 * `maxRunMs`, a dead operation was called again, or an operator replayed it.
 *
 * @example
 * const charge = withIdempotency(chargeCard, { store: sqliteStore("events.db"), scope: "charge", key: (order) => order.id });
 * const outcome = await charge(order);
 *
 * @throws {HooklatchError} `invalid_option`; `scope_in_use` when another live handler has this scope on this store object
 */
export function withIdempotency<Input, Output>(
  handler: (input: Input, context: HandlerContext) => Output | Promise<Output>,
  options: IdempotencyOptions<Input>,
): IdempotentHandler<Input, Output> {
  const settings = resolveOptions(options);
  const codec = (settings.codec as Codec<Input, Output> | undefined) ?? jsonCodec<Input, Output>();
  const flow = createFlow(handler, settings, codec);
  const call = async (input: Input): Promise<Outcome<Output>> => {
    const arrivedAt = performance.now();
    const ended = await flow.deliver({
      ...identify(settings, input),
      event: encodeInput(codec, input),
      arrivedAt,
    });
    switch (ended.status) {
      case "completed": {
        const { bytes, replayed, attempts } = ended;
        if (bytes === null) return { status: "completed", kept: false, replayed, attempts };
        // Decoded for the first caller too, so that it sees what a duplicate will see.
        return { status: "completed", kept: true, value: codec.decodeOutput(bytes), replayed, attempts };
      }
      case "dead": {
        const { error, deadLetterId, replayed } = ended;
        return { status: "dead", error, replayed, ...(deadLetterId === undefined ? {} : { deadLetterId }) };
      }
      default:
        return ended;
    }
  };
  return Object.assign(call, { start: flow.start, close: flow.close });
}

function encodeInput<Input>(codec: Pick<Codec<Input>, "encodeInput">, input: Input): Uint8Array {
  try {
    return codec.encodeInput(input);
  } catch (cause) {
    if (HooklatchError.is(cause)) throw cause;
    throw new HooklatchError("not_encodable", "The codec cannot encode this input.", { cause });
  }
}

function identify<Input>(
  settings: Settings<Input>,
  input: Input,
): { id: OperationId; fingerprint: string | undefined } {
  const tenant = settings.tenant && extractPart(settings.tenant, input, "tenant");
  const key = settings.key ? extractPart(settings.key, input, "key") : fingerprintOf(canonicalJson(input));
  return {
    id: { scope: settings.scope, ...(tenant === undefined ? {} : { tenant }), key },
    fingerprint: settings.fingerprint ? extractFingerprint(settings.fingerprint, input) : undefined,
  };
}

/** One call, with its identity and its event as bytes. */
export interface Delivery {
  id: OperationId;
  fingerprint: string | undefined;
  event: Uint8Array;
  /** When it came in, on the `performance.now()` clock. */
  arrivedAt: number;
  /** Keeps the host alive for work that goes on after the answer. */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** `Outcome` before decoding. `bytes`: the stored result, `null` if it is not kept. `value`: what the handler of this run returned. */
export type FlowOutcome<Output> =
  | Exclude<Outcome<Output>, { status: "completed" | "dead" }>
  | { status: "completed"; bytes: Uint8Array | null; value?: Output; replayed: boolean; attempts: number }
  | {
      status: "dead";
      error: ErrorRecord;
      deadLetterId?: string | undefined;
      letterOwed: boolean;
      replayed: boolean;
    };

export interface Flow<Output> {
  deliver(delivery: Delivery): Promise<FlowOutcome<Output>>;
  start(): void;
  close(options?: CloseOptions): Promise<void>;
}

/** When to ask again about an operation that is being worked on, and whose lease says nothing about how long it will take. */
const CHECK_BACK_MS = 5_000;
const DEFAULT_DRAIN_MS = 10_000;

/** Process boot id + counter: unique for each claim, at a fraction of the price of a random one. */
const bootId = globalThis.crypto.randomUUID();
let claims = 0;
const nextOwner = (): string => `${bootId}:${++claims}`;

/** Scopes with a live handler, for each store object. */
const liveScopes = new WeakMap<object, Set<string>>();

export function createFlow<Input, Output>(
  handler: (input: Input, context: HandlerContext) => Output | Promise<Output>,
  settings: Settings<Input>,
  codec: Codec<Input, Output>,
): Flow<Output> {
  const { store, scope, deadLetters, leaseMs, storeTimeoutMs } = settings;
  occupy(store, scope);
  const emit = emitter(settings.on);
  const callStore = <T>(operation: () => Promise<T>): Promise<T> => storeCall(operation, storeTimeoutMs);
  const storeError = (operation: string, error: unknown): void =>
    emit("storeError", { scope, operation, error });
  const leases = createLeases({
    leaseMs,
    extend: (held) => callStore(() => store.extend({ ...held, leaseMs })),
    onError: (error) => storeError("extend", error),
  });
  const runs = new Set<Run<Output>>();
  let workerRuns = 0;
  /** Everything that goes on, waited for by `close()`. */
  const pending = new Set<Promise<unknown>>();
  /** Ends the waits that `close()` must not wait for. */
  const impatient = new Set<() => void>();
  let closing: Promise<void> | undefined;
  const waiters = createWaiters<FlowOutcome<Output>>();

  function track<T>(work: Promise<T>): Promise<T> {
    pending.add(work);
    const done = () => pending.delete(work);
    work.then(done, done);
    return work;
  }

  // ---- a delivery ---------------------------------------------------------------------------------------------------

  async function deliver(delivery: Delivery): Promise<FlowOutcome<Output>> {
    if (closing !== undefined)
      throw new HooklatchError("closed", "This handler is closing.", { retryable: true });
    start();
    return track(answer(delivery));
  }

  async function answer(delivery: Delivery): Promise<FlowOutcome<Output>> {
    const first = await claimAndRun(delivery);
    if (first.status !== "running" || settings.whenRunning === "answer") return first;
    const until = delivery.arrivedAt + Math.min(settings.waitMs, settings.respondWithinMs);
    const name = `${storageKey(delivery.id)}:${delivery.fingerprint ?? ""}`;
    return waiters.wait(name, until, first, () => claimAndRun(delivery));
  }

  async function claimAndRun(delivery: Delivery): Promise<FlowOutcome<Output>> {
    const { id, fingerprint, event } = delivery;
    const owner = nextOwner();
    const claimedAt = performance.now();
    const request: ClaimRequest = {
      id,
      owner,
      leaseMs,
      fingerprint,
      event,
      redelivery: settings.redelivery,
      redeliveryAfterMs: settings.retry.maxDelayMs,
    };
    let claim: Claim;
    try {
      claim = await callStore(() => store.claim(request));
    } catch (error) {
      storeError("claim", error);
      if (HooklatchError.is(error) && error.retryable) void track(handBackUnknown(request));
      throw error;
    }
    switch (claim.status) {
      case "claimed":
        return runForDelivery(delivery, { id, owner, event, claimedAt, ...claim });
      case "running":
        return {
          status: "running",
          stored: claim.stored,
          retryAfterMs: Math.min(claim.retryAfterMs, CHECK_BACK_MS),
        };
      case "waiting":
        return { status: "running", stored: claim.stored, retryAfterMs: claim.retryAfterMs };
      case "completed":
        emit("replayed", id);
        return { status: "completed", bytes: claim.result, replayed: true, attempts: 0 };
      case "dead":
        return deadBefore(id, claim.error, claim.letter);
      case "mismatch":
        return { status: "mismatch" };
    }
  }

  async function runForDelivery(delivery: Delivery, claimed: Claimed): Promise<FlowOutcome<Output>> {
    if (runs.size >= settings.maxRunning) {
      await handBack(claimed);
      return { status: "accepted", retryAfterMs: CHECK_BACK_MS };
    }
    const until = delivery.arrivedAt + settings.respondWithinMs;
    const ending = track(runToOutcome(claimed, delivery.fingerprint, until));
    const answered = await inTime(ending, until);
    if (answered !== undefined) return answered;
    delivery.waitUntil?.(ending);
    return { status: "accepted", retryAfterMs: CHECK_BACK_MS };
  }

  /** The outcome, or `undefined` when `until` comes first, or when `close()` waits no longer. */
  function inTime<T>(ending: Promise<T>, until: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const early = () => {
        impatient.delete(early);
        clearTimeout(timer);
        resolve(undefined);
      };
      const left = until - performance.now();
      const timer = left > MAX_TIMER_MS ? undefined : setTimeout(early, Math.max(0, left));
      impatient.add(early);
      void ending.then((outcome) => {
        resolve(outcome);
        early();
      });
    });
  }

  /** Runs what was claimed, buries or unburies its letter, and says what became of it. Never rejects. */
  async function runToOutcome(
    claimed: Claimed,
    fingerprint: string | undefined,
    retryUntil: number | undefined,
  ): Promise<FlowOutcome<Output>> {
    const { id, token, attempt, recovered, replay } = claimed;
    emit("claimed", { ...id, token, attempt, recovered, replay });
    const run = startRun({ handler, settings, store, codec, leases, emit }, claimed, retryUntil);
    runs.add(run);
    let end: RunEnd<Output>;
    try {
      end = await run.end;
    } finally {
      runs.delete(run);
    }
    switch (end.kind) {
      case "completed": {
        if (claimed.letter) void track(removeLetter(id));
        const { value, bytes, attempts } = end;
        return { status: "completed", bytes, value, replayed: false, attempts };
      }
      case "stored":
        return { status: "accepted", retryAfterMs: end.retryAfterMs };
      case "dead": {
        const deadLetterId = await pushLetter(id);
        emit("dead", { ...id, attempt: end.attempt, error: end.cause, deadLetterId });
        return {
          status: "dead",
          error: end.error,
          deadLetterId,
          letterOwed: deadLetters !== undefined,
          replayed: false,
        };
      }
      case "lost":
        return afterLoss(id, fingerprint);
    }
  }

  /** A run that lost its claim answers with its successor's completion, if there is one, and never with its own result. */
  async function afterLoss(id: OperationId, fingerprint: string | undefined): Promise<FlowOutcome<Output>> {
    const lost: FlowOutcome<Output> = { status: "lost", retryAfterMs: CHECK_BACK_MS };
    try {
      const record = await callStore(() => store.get(id));
      if (record?.state !== "completed") return lost;
      const other =
        record.fingerprint !== undefined && fingerprint !== undefined && record.fingerprint !== fingerprint;
      if (other) return lost;
      emit("replayed", id);
      return { status: "completed", bytes: record.result ?? null, replayed: true, attempts: 0 };
    } catch (error) {
      storeError("get", error);
      return lost;
    }
  }

  function deadBefore(id: OperationId, error: ErrorRecord, letter: LetterNote): FlowOutcome<Output> {
    const deadLetterId = letter === "pushed" ? letterId(id) : undefined;
    return { status: "dead", error, deadLetterId, letterOwed: letter === "push", replayed: true };
  }

  // ---- handing back -------------------------------------------------------------------------------------------------

  /** A claim whose attempt did not start becomes due now, for any worker. */
  async function handBack({
    id,
    owner,
    token,
  }: {
    id: OperationId;
    owner: string;
    token: number;
  }): Promise<void> {
    try {
      await callStore(() => store.retry({ id, owner, token, delayMs: 0, notStarted: true }));
    } catch (error) {
      // Its lease runs out by itself.
      storeError("retry", error);
    }
  }

  let unknownClaims = 0;

  /**
   * The sender was told 503, but the claim may have arrived, and would then hold the operation for a whole lease. The same command,
   * sent again, tells; what turns out to be ours is handed back.
   */
  async function handBackUnknown(request: ClaimRequest): Promise<void> {
    if (unknownClaims >= settings.maxRunning) return;
    unknownClaims++;
    const until = performance.now() + leaseMs;
    try {
      for (
        let pauseMs = 100;
        performance.now() < until && closing === undefined;
        pauseMs = Math.min(pauseMs * 2, 5_000)
      ) {
        await inTime(new Promise<never>(() => {}), performance.now() + pauseMs);
        try {
          const claim = await callStore(() => store.claim(request));
          if (claim.status === "claimed") await handBack({ ...request, token: claim.token });
          return;
        } catch (error) {
          if (HooklatchError.is(error) && !error.retryable) return;
        }
      }
    } finally {
      unknownClaims--;
    }
  }

  // ---- letters ------------------------------------------------------------------------------------------------------

  async function pushLetter(id: OperationId): Promise<string | undefined> {
    if (deadLetters === undefined) return undefined;
    try {
      return await sinkCall(() => bury(store, deadLetters, id), storeTimeoutMs);
    } catch (error) {
      emit("sinkError", { ...id, error });
      return undefined;
    }
  }

  async function removeLetter(id: OperationId, version?: { bornAt: number; token: number }): Promise<void> {
    try {
      if (deadLetters === undefined) return;
      const record = version ?? (await callStore(() => store.get(id)));
      if (record !== undefined) await sinkCall(() => unbury(store, deadLetters, id, record), storeTimeoutMs);
    } catch (error) {
      emit("sinkError", { ...id, error });
    }
  }

  // ---- the worker ---------------------------------------------------------------------------------------------------

  async function workOn(work: DueWork, owner: string, claimedAt: number): Promise<void> {
    if (work.kind === "push") await pushLetter(work.id);
    else if (work.kind === "remove") await removeLetter(work.id, work);
    else if (closing !== undefined) await handBack({ ...work, owner });
    else await runToOutcome({ ...work, owner, claimedAt }, undefined, undefined);
  }

  const { worker: workerOptions } = settings;
  const worker =
    workerOptions === false
      ? undefined
      : createWorker({
          scope,
          leaseMs,
          pollMs: workerOptions.pollMs,
          nextOwner,
          free: () => Math.min(workerOptions.concurrency - workerRuns, settings.maxRunning - runs.size),
          claimDue: (request) => callStore(() => store.claimDue(request)),
          work(work, owner, claimedAt) {
            workerRuns++;
            return track(workOn(work, owner, claimedAt)).finally(() => {
              workerRuns--;
            });
          },
          purge: store.purge && ((limit) => callStore(async () => (await store.purge?.({ limit })) ?? 0)),
          onError: storeError,
        });

  function start(): void {
    if (closing === undefined) worker?.start();
  }

  // ---- shutdown -----------------------------------------------------------------------------------------------------

  function close({ drainMs = DEFAULT_DRAIN_MS }: CloseOptions = {}): Promise<void> {
    closing ??= shutDown(drainMs);
    return closing;
  }

  async function shutDown(drainMs: number): Promise<void> {
    waiters.stop();
    const drained = stopWorker().then(() => allSettled(pending));
    await inTime(drained, performance.now() + drainMs);
    for (const run of runs) run.giveUp();
    // Deliveries that still wait are answered: the store has their events.
    for (const early of [...impatient]) early();
    // What was between attempts is on its way back to the store. Handlers that still run are waited for no longer.
    const handingBack = [...runs].filter((run) => !run.handlerRuns()).map((run) => run.end);
    await inTime(Promise.all(handingBack), performance.now() + 2 * storeTimeoutMs);
    liveScopes.get(store)?.delete(scope);
  }

  async function stopWorker(): Promise<void> {
    await worker?.stop();
  }

  return { deliver, start, close };
}

function occupy(store: object, scope: string): void {
  const scopes = liveScopes.get(store) ?? new Set<string>();
  if (scopes.has(scope)) {
    const fix = "Give each handler a scope of its own, or close() the other one first.";
    throw new HooklatchError(
      "scope_in_use",
      `There is a live handler with scope "${scope}" on this store. ${fix}`,
    );
  }
  liveScopes.set(store, scopes.add(scope));
}

/** Resolves when the set is empty, whatever was added meanwhile. */
async function allSettled(pending: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (pending.size > 0) await Promise.allSettled(pending);
}
