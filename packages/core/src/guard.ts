/**
 * The guard: idempotency for a route that exists already (DESIGN.md §8). It claims the key, lets the route run, and keeps what it sent. It
 * keeps no event and cannot run the route by itself, so it neither retries nor answers 202.
 */
import { tooLarge } from "./body-errors.js";
import { createClaims } from "./claims.js";
import { HooklatchError } from "./errors.js";
import { emitter } from "./events.js";
import type { CloseOptions } from "./flow.js";
import { type GuardOptions, type GuardSettings, resolveGuardOptions } from "./guard-options.js";
import { type GuardedRun, type StartedRun, startGuardedRun } from "./guarded-run.js";
import type { HttpHeaders, HttpRequest, HttpResponse } from "./http.js";
import { extractFingerprint, extractPart, readIdempotencyKey, storageKey } from "./key.js";
import { createLeases } from "./lease.js";
import { occupyScope } from "./live-scopes.js";
import { nextOwner } from "./owner.js";
import { CHECK_BACK_MS, createPatience, createPending, DEFAULT_DRAIN_MS } from "./patience.js";
import { inProgress, keyMissing, keyReused, notKept, outcomeUnknown, refusalOf } from "./refusal.js";
import { replayOf } from "./reply.js";
import { requestFingerprint } from "./request-fingerprint.js";
import type { ClaimRequest, Held, OperationId } from "./store.js";
import { createStoreCall } from "./store-call.js";
import { completionFor } from "./successor.js";
import { createUpkeep } from "./upkeep.js";
import { createWaiters } from "./waiters.js";

export interface Guard {
  /** Adapters stop reading a request body beyond this. */
  readonly maxBodyBytes: number;
  /** Whether `claim` needs the body. */
  readonly needsBody: boolean;
  /**
   * What to do with a request, by its head alone. `pass`: it is not guarded, and must go on untouched. `answer`: it is refused, before any
   * store call. `claim`: read its body, and call `claim`.
   */
  enter(method: string, headers: HttpHeaders): Entry;
  /** Claims the key of `enter`. Never rejects. */
  claim(key: string, request: HttpRequest): Promise<Admission>;
  /** Refuses new requests with `503`, and waits for running routes for `drainMs` (default 10 000). Leases of those that still run are left to run out. */
  close(options?: CloseOptions): Promise<void>;
}

export type Entry =
  | { kind: "pass" }
  | { kind: "answer"; response: HttpResponse }
  | { kind: "claim"; key: string };

/** `replayed`: what the route sent then, so that it must leave as it is. */
export type Admission =
  | { kind: "run"; run: GuardedRun }
  | { kind: "answer"; response: HttpResponse; replayed: boolean };

type Found =
  | { status: "claimed"; run: StartedRun }
  | { status: "running"; retryAfterMs: number }
  | { status: "answer"; response: HttpResponse; replayed: boolean }
  /** Whoever polled for us took it over. */
  | { status: "taken"; retryAfterMs: number };

const UPKEEP_EVERY_MS = 30_000;
/** Claims without an answer that are looked after at once. */
const MAX_UNKNOWN = 100;

/** @throws {HooklatchError} `invalid_option`; `scope_in_use` when something live has this scope on this store object */
export function createGuard<Native>(options: GuardOptions<Native>): Guard {
  const settings: GuardSettings<Native> = resolveGuardOptions(options);
  const { store, scope, leaseMs, storeTimeoutMs, retentionMs } = settings;
  const vacateScope = occupyScope(store, scope);
  const emit = emitter(settings.on);
  const callStore = createStoreCall(storeTimeoutMs);
  const storeError = (operation: string, error: unknown): void =>
    emit("storeError", { scope, operation, error });
  const leases = createLeases({
    leaseMs,
    // A route that never answers must not keep its key for ever.
    maxHoldMs: settings.maxRunMs,
    extend: (held) => callStore(() => store.extend({ ...held, leaseMs })),
    onError: (error) => storeError("extend", error),
  });
  const waiters = createWaiters<Found>();
  const background = createPatience();
  const runs = new Set<StartedRun>();
  /** Everything that goes on, waited for by `close()`. */
  const { track, settled } = createPending();
  let closing: Promise<void> | undefined;
  const upkeep = createUpkeep({ store, scope, storeTimeoutMs, deadLetters: undefined }, emit);
  let upkeepDueAt = 0;
  const sendClaim = createClaims({
    claim: (request) => callStore(() => store.claim(request)),
    giveBack: release,
    leaseMs,
    most: MAX_UNKNOWN,
    pause: background.sleep,
    going: () => closing === undefined,
    track,
    onError: (error) => storeError("claim", error),
  });

  async function identify(
    key: string,
    request: HttpRequest,
  ): Promise<{ id: OperationId; fingerprint?: string }> {
    let id: OperationId = { scope, key };
    if (settings.tenant !== false) {
      const ask = settings.tenant;
      // Settled first, so that what it rejects with is checked like what it throws.
      const [given] = await Promise.allSettled([(async () => ask(request.native as Native))()]);
      const answer = (): unknown => {
        if (given.status === "rejected") throw given.reason;
        return given.value;
      };
      id = { scope, tenant: extractPart(answer, undefined, "tenant"), key };
    }
    if (settings.fingerprint === false) return { id };
    const own = settings.fingerprint && extractFingerprint(settings.fingerprint, request);
    return { id, fingerprint: own ?? requestFingerprint(request) };
  }

  async function admit(key: string, request: HttpRequest): Promise<Admission> {
    const from = performance.now();
    if (settings.fingerprint !== false && request.body.byteLength > settings.maxBodyBytes) {
      throw tooLarge(settings.maxBodyBytes);
    }
    const { id, fingerprint } = await identify(key, request);
    keepUp();
    const found = await claimOrWait(id, fingerprint, from + settings.waitMs);
    switch (found.status) {
      case "claimed":
        return { kind: "run", run: found.run };
      case "answer":
        return { kind: "answer", response: found.response, replayed: found.replayed };
      default:
        return { kind: "answer", response: inProgress(found.retryAfterMs), replayed: false };
    }
  }

  async function claimOrWait(
    id: OperationId,
    fingerprint: string | undefined,
    until: number,
  ): Promise<Found> {
    let found = await claimOnce(id, fingerprint);
    if (settings.whenRunning === "answer") return found;
    const name = `${storageKey(id)}:${fingerprint ?? ""}`;
    let mine: Found | undefined;
    const poll = async (): Promise<Found> => {
      const polled = await claimOnce(id, fingerprint);
      if (polled.status !== "claimed") return polled;
      // The others hear of it, but only this request may run the route.
      mine = polled;
      return { status: "taken", retryAfterMs: CHECK_BACK_MS };
    };
    while (
      (found.status === "running" || found.status === "taken") &&
      performance.now() < until &&
      closing === undefined
    ) {
      found = await waiters.wait(name, until, { ...found, status: "running" }, poll);
      if (mine !== undefined) return mine;
    }
    return found;
  }

  async function claimOnce(id: OperationId, fingerprint: string | undefined): Promise<Found> {
    if (closing !== undefined)
      throw new HooklatchError("closed", "This guard is closing.", { retryable: true });
    const owner = nextOwner();
    const claimedAt = performance.now();
    const request: ClaimRequest = {
      id,
      owner,
      leaseMs,
      fingerprint,
      redelivery: "ignore",
      redeliveryAfterMs: 0,
    };
    const claim = await sendClaim(request);
    switch (claim.status) {
      case "claimed": {
        const { token, attempt, recovered, replay } = claim;
        const held = { id, owner, token };
        if (closing !== undefined) {
          await release(held);
          throw new HooklatchError("closed", "This guard is closing.", { retryable: true });
        }
        emit("claimed", { ...id, token, attempt, recovered, replay });
        return { status: "claimed", run: start(held, attempt, claimedAt, fingerprint) };
      }
      case "running":
      case "waiting":
        return { status: "running", retryAfterMs: Math.min(claim.retryAfterMs, CHECK_BACK_MS) };
      case "completed":
        emit("replayed", id);
        return {
          status: "answer",
          response: replayOf(claim.result) ?? notKept(),
          replayed: claim.result !== null,
        };
      case "mismatch":
        return { status: "answer", response: keyReused(), replayed: false };
      case "dead":
        // Some webhook handler's operation, in another process that uses this scope: it has ended, and not with a response of ours.
        return { status: "answer", response: notKept(), replayed: false };
    }
  }

  function start(
    held: Held,
    attempt: number,
    claimedAt: number,
    fingerprint: string | undefined,
  ): StartedRun {
    let ended = (): void => {};
    void track(
      new Promise<void>((resolve) => {
        ended = resolve;
      }),
    );
    const run = startGuardedRun(
      {
        settings,
        callStore,
        leases,
        emit,
        afterLoss: () => afterLoss(held.id, fingerprint),
        onEnd() {
          runs.delete(run);
          ended();
        },
      },
      held,
      attempt,
      claimedAt,
    );
    runs.add(run);
    return run;
  }

  /** A run that lost its claim answers with its successor's response, if there is one, and never with its own. */
  async function afterLoss(id: OperationId, fingerprint: string | undefined): Promise<HttpResponse> {
    const unknown = outcomeUnknown("claim_lost", CHECK_BACK_MS);
    try {
      const completion = completionFor(await callStore(() => store.get(id)), fingerprint);
      if (completion === undefined) return unknown;
      emit("replayed", id);
      return replayOf(completion.bytes) ?? notKept();
    } catch (error) {
      storeError("get", error);
      return unknown;
    }
  }

  /** Nothing ran under this claim. Never rejects. */
  async function release({ id, owner, token }: Held): Promise<void> {
    try {
      await callStore(() => store.release({ id, owner, token, retentionMs }));
    } catch (error) {
      // Its lease runs out by itself.
      storeError("release", error);
    }
  }

  /** Forgets expired records, now and then, beside the traffic: a guard has no worker, and no timer while nothing happens. */
  function keepUp(): void {
    if (performance.now() < upkeepDueAt) return;
    upkeepDueAt = performance.now() + UPKEEP_EVERY_MS;
    void track(upkeep(() => closing === undefined));
  }

  async function shutDown(drainMs: number): Promise<void> {
    waiters.stop();
    background.end();
    await background.inTime(settled(), performance.now() + drainMs);
    for (const run of runs) run.giveUp();
    vacateScope();
  }

  function refused(error: unknown): HttpResponse {
    const { status, code, response } = refusalOf(error);
    emit("rejected", { scope, status, code, error });
    return response;
  }

  return {
    maxBodyBytes: settings.maxBodyBytes,
    needsBody: settings.fingerprint !== false,
    enter(method, headers) {
      if (!settings.methods.has(method.toUpperCase())) return { kind: "pass" };
      try {
        const key = readIdempotencyKey(headers);
        if (key !== undefined) return { kind: "claim", key };
      } catch (error) {
        return { kind: "answer", response: refused(error) };
      }
      if (!settings.required) return { kind: "pass" };
      const error = new HooklatchError("invalid_key", "There is no Idempotency-Key header.");
      emit("rejected", { scope, status: 400, code: "key_missing", error });
      return { kind: "answer", response: keyMissing() };
    },
    async claim(key, request) {
      try {
        // A claim under way is waited for: one that `close()` overtook is still handed back while there is a store.
        return await track(admit(key, request));
      } catch (error) {
        return { kind: "answer", response: refused(error), replayed: false };
      }
    },
    close({ drainMs = DEFAULT_DRAIN_MS } = {}) {
      closing ??= shutDown(drainMs);
      return closing;
    },
  };
}
