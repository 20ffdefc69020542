/**
 * The flow: from a delivery to its outcome. Claim, run, answer in time; what this process cannot finish, the store keeps, and a worker
 * of any process goes on with.
 */
import { createClaims } from "./claims.js";
import type { Codec } from "./codec.js";
import type { HandlerContext } from "./context.js";
import { createDeadlines } from "./deadlines.js";
import { type ErrorRecord, HooklatchError } from "./errors.js";
import { emitter } from "./events.js";
import type { HttpHost } from "./http.js";
import { letterId, storageKey } from "./key.js";
import { createLeases } from "./lease.js";
import { createLetters } from "./letters.js";
import { occupyScope } from "./live-scopes.js";
import type { Settings } from "./options.js";
import type { Outcome } from "./outcome.js";
import { nextOwner } from "./owner.js";
import { CHECK_BACK_MS, createPatience, createPending, DEFAULT_DRAIN_MS } from "./patience.js";
import { type Claimed, type Run, type RunEnd, startRun } from "./run.js";
import type { Claim, ClaimRequest, DueWork, Held, LetterNote, OperationId } from "./store.js";
import { createStoreCall } from "./store-call.js";
import { completionFor } from "./successor.js";
import { createThresholds } from "./thresholds.js";
import { createUpkeep } from "./upkeep.js";
import { createWaiters } from "./waiters.js";
import { createWorker } from "./worker.js";

/** One call, with its identity and its event as bytes. */
interface Delivery<Input> {
  id: OperationId;
  fingerprint: string | undefined;
  event: Uint8Array;
  /** What decoding `event` would give. For the first attempt, which need not decode what was just encoded. */
  input?: (() => Input) | undefined;
  /** When it came in, on the `performance.now()` clock. */
  arrivedAt: number;
  /** Whose `waitUntil` keeps it alive for work that goes on after the answer. */
  host?: HttpHost | undefined;
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

export interface CloseOptions {
  drainMs?: number | undefined;
}

export interface Flow<Input, Output> {
  deliver(delivery: Delivery<Input>): Promise<FlowOutcome<Output>>;
  start(): void;
  close(options?: CloseOptions): Promise<void>;
}

const LOST = { status: "lost", retryAfterMs: CHECK_BACK_MS } as const;

export function createFlow<Input, Output>(
  handler: (input: Input, context: HandlerContext) => Output | Promise<Output>,
  settings: Settings<Input>,
  codec: Codec<Input, Output>,
): Flow<Input, Output> {
  const { store, scope, deadLetters, leaseMs, storeTimeoutMs } = settings;
  const vacateScope = occupyScope(store, scope);
  const emit = emitter(settings.on);
  const callStore = createStoreCall(storeTimeoutMs);
  const storeError = (operation: string, error: unknown): void =>
    emit("storeError", { scope, operation, error });
  const leases = createLeases({
    leaseMs,
    extend: (held) => callStore(() => store.extend({ ...held, leaseMs })),
    onError: (error) => storeError("extend", error),
  });
  const runLimits = createDeadlines({ ms: settings.maxRunMs, keepAlive: false });
  const thresholds = createThresholds(settings, emit);
  const letters = createLetters(store, deadLetters, storeTimeoutMs, emit, thresholds);
  const waiters = createWaiters<FlowOutcome<Output>>();
  const runs = new Set<Run<Output>>();
  const runParts = { handler, settings, store, codec, callStore, leases, runLimits, emit };
  const { concurrency, pollMs } = settings.worker || { concurrency: 0, pollMs: 0 };
  let workerRuns = 0;
  let suspectRuns = false;
  /** Suspects that are being handed back. */
  const suspectsOnTheirWay = new Set<Promise<void>>();
  /** Everything that goes on, waited for by `close()`. */
  const { track, settled } = createPending();
  /** Deliveries that wait for their outcome; and what nobody waits for. */
  const deliveries = createPatience();
  const background = createPatience();
  let closing: Promise<void> | undefined;
  /** `close()` waits no longer: nothing starts any more. */
  let drained = false;

  // ---- a delivery ---------------------------------------------------------------------------------------------------

  function deliver(delivery: Delivery<Input>): Promise<FlowOutcome<Output>> {
    if (closing !== undefined) {
      return Promise.reject(new HooklatchError("closed", "This handler is closing.", { retryable: true }));
    }
    start();
    return track(settings.whenRunning === "answer" ? claimAndRun(delivery) : claimOrWait(delivery));
  }

  async function claimOrWait(delivery: Delivery<Input>): Promise<FlowOutcome<Output>> {
    const first = await claimAndRun(delivery);
    if (first.status !== "running") return first;
    const until = delivery.arrivedAt + Math.min(settings.waitMs, settings.respondWithinMs);
    const name = `${storageKey(delivery.id)}:${delivery.fingerprint ?? ""}`;
    return waiters.wait(name, until, first, () => claimAndRun(delivery));
  }

  function claimAndRun(delivery: Delivery<Input>): Promise<FlowOutcome<Output>> {
    const { id, fingerprint, event } = delivery;
    const request: ClaimRequest = {
      id,
      owner: nextOwner(),
      leaseMs,
      fingerprint,
      event,
      redelivery: settings.redelivery,
      redeliveryAfterMs: settings.retry.maxDelayMs,
    };
    const claimedAt = performance.now();
    return sendClaim(request).then((claim) => afterClaim(delivery, request.owner, claimedAt, claim));
  }

  function afterClaim(
    delivery: Delivery<Input>,
    owner: string,
    claimedAt: number,
    claim: Claim,
  ): FlowOutcome<Output> | Promise<FlowOutcome<Output>> {
    const { id } = delivery;
    switch (claim.status) {
      case "claimed": {
        const { token, attempt, recovered, replay, letter } = claim;
        const { event, input } = delivery;
        const claimed = { id, owner, token, attempt, recovered, replay, letter, event, input, claimedAt };
        return runForDelivery(delivery, claimed);
      }
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

  async function runForDelivery(
    delivery: Delivery<Input>,
    claimed: Claimed<Input>,
  ): Promise<FlowOutcome<Output>> {
    if (runs.size >= settings.maxRunning || drained) {
      await handBack(claimed);
      return { status: "accepted", retryAfterMs: CHECK_BACK_MS };
    }
    const until = delivery.arrivedAt + settings.respondWithinMs;
    const ending = track(runToOutcome(claimed, until, () => afterLoss(delivery)));
    const answered = await deliveries.inTime(ending, until);
    if (answered !== undefined) return answered;
    delivery.host?.waitUntil?.(ending);
    return { status: "accepted", retryAfterMs: CHECK_BACK_MS };
  }

  /** Runs what was claimed, buries or unburies its letter, and says what became of it. Never rejects. */
  async function runToOutcome(
    claimed: Claimed<Input>,
    retryUntil: number | undefined,
    onLoss: () => Promise<FlowOutcome<Output>>,
  ): Promise<FlowOutcome<Output>> {
    const { id, token, attempt, recovered, replay } = claimed;
    if (emit.hears("claimed")) emit("claimed", { ...id, token, attempt, recovered, replay });
    const run = startRun(runParts, claimed, retryUntil);
    runs.add(run);
    let end: RunEnd<Output>;
    try {
      end = await run.end;
    } finally {
      runs.delete(run);
    }
    switch (end.kind) {
      case "completed": {
        if (claimed.letter) void track(letters.remove(id));
        const { value, bytes, attempts } = end;
        return { status: "completed", bytes, value, replayed: false, attempts };
      }
      case "stored":
        return { status: "accepted", retryAfterMs: end.retryAfterMs };
      case "dead": {
        const deadLetterId = await letters.push(id);
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
        return onLoss();
    }
  }

  /** A run that lost its claim answers with its successor's completion, if there is one, and never with its own result. */
  async function afterLoss({ id, fingerprint }: Delivery<Input>): Promise<FlowOutcome<Output>> {
    try {
      const completion = completionFor(await callStore(() => store.get(id)), fingerprint);
      if (completion === undefined) return LOST;
      emit("replayed", id);
      return { status: "completed", bytes: completion.bytes, replayed: true, attempts: 0 };
    } catch (error) {
      storeError("get", error);
      return LOST;
    }
  }

  function deadBefore(id: OperationId, error: ErrorRecord, letter: LetterNote): FlowOutcome<Output> {
    const deadLetterId = letter === "pushed" ? letterId(id) : undefined;
    return { status: "dead", error, deadLetterId, letterOwed: letter === "push", replayed: true };
  }

  // ---- handing back -------------------------------------------------------------------------------------------------

  /** A claim whose attempt did not start becomes due again, for any worker. */
  async function handBack({ id, owner, token }: Held, delayMs = 0): Promise<void> {
    try {
      await callStore(() => store.retry({ id, owner, token, delayMs, notStarted: true }));
    } catch (error) {
      // Its lease runs out by itself.
      storeError("retry", error);
    }
  }

  const sendClaim = createClaims({
    claim: (request) => callStore(() => store.claim(request)),
    giveBack: (held) => handBack(held),
    leaseMs,
    most: settings.maxRunning,
    pause: background.sleep,
    going: () => closing === undefined,
    track,
    onError: (error) => storeError("claim", error),
  });

  // ---- the worker ---------------------------------------------------------------------------------------------------

  async function workOn(work: DueWork, owner: string, claimedAt: number): Promise<void> {
    if (work.kind === "push") await letters.push(work.id);
    else if (work.kind === "remove") await letters.remove(work.id, work);
    else if (closing !== undefined) await handBack({ ...work, owner });
    // Deliveries have taken the places while the claim was on its way.
    else if (runs.size >= settings.maxRunning) await handBack({ ...work, owner }, pollMs);
    else if (!isSuspect(work)) await runDue({ ...work, owner, claimedAt });
    else if (suspectRuns) {
      const back = handBack({ ...work, owner }, pollMs).finally(() => suspectsOnTheirWay.delete(back));
      suspectsOnTheirWay.add(back);
      await back;
    } else {
      suspectRuns = true;
      // If it is what kills the process, the others of its batch must be back before, or they lose an attempt that never started.
      await Promise.resolve();
      await Promise.all(suspectsOnTheirWay);
      await runDue({ ...work, owner, claimedAt }).finally(() => {
        suspectRuns = false;
      });
    }
  }

  function runDue(claimed: Claimed<Input>): Promise<unknown> {
    return runToOutcome(claimed, undefined, async () => LOST);
  }

  /**
   * An operation whose process died under it more than once may be what kills it. One at a time of these, so that it does not take the
   * attempts of those that crashed, and were recovered, together with it.
   */
  function isSuspect({ recovered, attempt }: { recovered: boolean; attempt: number }): boolean {
    const { maxAttempts } = settings.retry;
    return recovered && attempt >= Math.min(3, maxAttempts) && attempt <= maxAttempts;
  }

  const worker =
    settings.worker === false
      ? undefined
      : createWorker({
          scope,
          leaseMs,
          pollMs,
          nextOwner,
          free: () => Math.min(concurrency - workerRuns, settings.maxRunning - runs.size),
          claimDue: (request) => callStore(() => store.claimDue(request)),
          work(work, owner, claimedAt) {
            workerRuns++;
            return track(workOn(work, owner, claimedAt)).finally(() => {
              workerRuns--;
            });
          },
          upkeep: createUpkeep(settings, emit, thresholds),
          onError: (error) => storeError("claimDue", error),
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
    background.end();
    const idle = Promise.resolve(worker?.stop()).then(() => settled());
    await background.inTime(idle, performance.now() + drainMs);
    drained = true;
    for (const run of runs) run.giveUp();
    // Deliveries that still wait are answered: the store has their events.
    deliveries.end();
    // What was between attempts is on its way back to the store. Handlers that still run are waited for no longer.
    const handingBack = [...runs].filter((run) => !run.handlerRuns()).map((run) => run.end);
    await background.inTime(Promise.all(handingBack), performance.now() + 2 * storeTimeoutMs);
    vacateScope();
  }

  return { deliver, start, close };
}
