import type { Emit } from "./events.js";
import type { GuardSettings } from "./guard-options.js";
import type { HttpResponse } from "./http.js";
import type { Lease, Leases } from "./lease.js";
import { CHECK_BACK_MS } from "./patience.js";
import { persistWrite } from "./persist.js";
import { outcomeUnknown } from "./refusal.js";
import { encodeReply } from "./reply.js";
import type { Held } from "./store.js";
import type { StoreCall } from "./store-call.js";

/**
 * What an adapter reports about the response of a claimed route. The first report counts; the others get its answer. None of the
 * methods rejects.
 */
export interface GuardedRun {
  /** A larger response is not kept: an adapter need not hold more than this of one that still goes on. */
  readonly maxResultBytes: number;
  /**
   * The whole response is known, and nothing of it has left. `undefined`: it is stored (or, where it is too large, that it was), or need not
   * be, and may leave. Otherwise what to send in its place: it could not be stored, or another run has taken over.
   */
  finish(response: HttpResponse): Promise<HttpResponse | undefined>;
  /**
   * The response is under way, a stream or too large to be held: it will not be kept. Called before its last byte leaves. `false`: that byte must
   * not leave, because a second run may happen or has happened: cut the connection.
   */
  finishUnkept(status: number): Promise<boolean>;
  /** There will be no whole response: the route failed after its head was out. The key is released. */
  abandon(): Promise<void>;
  /** The response is being streamed: should the route outlive `maxRunMs`, it is completed rather than run a second time. */
  streams(status: number): void;
}

export interface GuardedRunParts {
  settings: Omit<GuardSettings<never>, "tenant">;
  /** With the limit `storeTimeoutMs`. */
  callStore: StoreCall;
  leases: Leases;
  emit: Emit;
  /** The response of whoever completed the operation, or `503`. */
  afterLoss: () => Promise<HttpResponse>;
  /** It has ended: nothing has to be waited for any more. */
  onEnd: () => void;
}

export interface StartedRun extends GuardedRun {
  /** `close()` waits no longer: the lease is left to run out, so that nobody overlaps the route. */
  giveUp(): void;
}

type End = "stored" | "released" | "lost" | "unknown";

export function startGuardedRun(
  { settings, callStore, leases, emit, afterLoss, onEnd }: GuardedRunParts,
  held: Held,
  attempt: number,
  claimedAt: number,
): StartedRun {
  const { store, leaseMs, maxRunMs, storeTimeoutMs, retentionMs, maxResultBytes } = settings;
  const { id, token } = held;
  const startedAt = performance.now();
  let gaveUp = false;
  let streamed: number | undefined;
  let end: Promise<End> | undefined;

  let told = false;
  const lease: Lease = leases.hold(held, claimedAt, ({ status }) => {
    if (!told) emit("leaseLost", { ...id, token });
    told = true;
    // What has been seen in part must not be seen a second time.
    if (streamed !== undefined) void run.finishUnkept(streamed);
    // It may hang for ever, and then nobody may wait for it, or remember it. Should it end after all, it still gets its answer.
    else if (end === undefined && (status === "lost" || performance.now() >= claimedAt + maxRunMs)) forget();
  });

  function forget(): void {
    lease.end();
    onEnd();
  }

  /** The first one wins: a response that ends twice, or a stream that also outlives its time. */
  function endOnce(how: () => Promise<End>): Promise<End> {
    end ??= how().finally(forget);
    return end;
  }

  async function complete(result: Uint8Array | null): Promise<End> {
    const write = () => store.complete({ ...held, result, retentionMs });
    const confirmed = await persistWrite("complete", write, {
      lease,
      leaseMs,
      storeTimeoutMs,
      callStore,
      get gaveUp() {
        return gaveUp;
      },
      onError: (operation, error) => emit("storeError", { scope: id.scope, operation, error }),
    });
    if (confirmed === undefined) return "unknown";
    if (!confirmed) return "lost";
    emit("completed", { ...id, attempt, durationMs: Math.round(performance.now() - startedAt) });
    return "stored";
  }

  /** Not acknowledged to anybody, so it is tried for the time of one store operation only; then the lease runs out by itself. */
  async function release(status: number | undefined): Promise<End> {
    try {
      if (!(await callStore(() => store.release({ ...held, retentionMs })))) return "lost";
      emit("released", { ...id, token, status });
    } catch (error) {
      emit("storeError", { scope: id.scope, operation: "release", error });
    }
    return "released";
  }

  function isStored(status: number): boolean {
    try {
      const answer: unknown = settings.shouldStore(status);
      // The types forbid it. It counts as `true`, and what it rejects with must not end the process.
      if (answer instanceof Promise) answer.catch(() => {});
      return Boolean(answer);
    } catch {
      // The route has run: what is not known to be harmless is not run again.
      return true;
    }
  }

  function encode(response: HttpResponse): Uint8Array | null {
    let { byteLength } = response.body ?? new Uint8Array(0);
    if (byteLength <= maxResultBytes) {
      const bytes = encodeReply({ response, nothing: false });
      if (bytes.byteLength <= maxResultBytes) return bytes;
      byteLength = bytes.byteLength;
    }
    emit("resultNotKept", { ...id, reason: new Error(`The response has ${byteLength} bytes.`) });
    return null;
  }

  const run: StartedRun = {
    maxResultBytes,
    async finish(response) {
      const { status } = response;
      const ended = await endOnce(() => (isStored(status) ? complete(encode(response)) : release(status)));
      if (ended === "lost") return afterLoss();
      return ended === "unknown" ? outcomeUnknown("outcome_unknown", CHECK_BACK_MS) : undefined;
    },
    async finishUnkept(status) {
      const ended = await endOnce(async () => {
        if (!isStored(status)) return release(status);
        emit("resultNotKept", {
          ...id,
          reason: new Error("The response was streamed, or too large to keep."),
        });
        return complete(null);
      });
      return ended === "stored" || ended === "released";
    },
    async abandon() {
      await endOnce(() => release(undefined));
    },
    streams(status) {
      streamed = status;
      // Nobody will say so again.
      if (lease.status !== "kept") void run.finishUnkept(status);
    },
    giveUp() {
      gaveUp = true;
      lease.end();
    },
  };
  return run;
}
