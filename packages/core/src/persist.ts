/** The write that ends a run: it is sent until it is answered, because losing it would mean running again. */
import { HooklatchError } from "./errors.js";
import type { Lease } from "./lease.js";
import { storeCall } from "./store-call.js";

export interface Persistence {
  lease: Lease;
  leaseMs: number;
  storeTimeoutMs: number;
  /** `close()` waits no longer. */
  gaveUp: () => boolean;
  onError: (error: unknown) => void;
}

/**
 * Sends a fenced write again and again, heartbeats on, until it is answered or the lease is over for us.
 * `undefined`: no answer. What happened is unknown, and the operation must not be run again by us.
 */
export async function persistWrite(
  write: () => Promise<boolean>,
  { lease, leaseMs, storeTimeoutMs, gaveUp, onError }: Persistence,
): Promise<boolean | undefined> {
  const patience = performance.now() + leaseMs;
  // Asked again each time: a heartbeat may have moved the deadline.
  const left = () => Math.min(lease.deadline, patience) - performance.now();
  for (;;) {
    const leftMs = left();
    // A run that is late already gets one full try: it may still complete if nobody took over.
    const timeoutMs = leftMs > 0 ? Math.min(leftMs, storeTimeoutMs) : storeTimeoutMs;
    try {
      return await storeCall(write, timeoutMs);
    } catch (error) {
      onError(error);
      const final = HooklatchError.is(error) && !error.retryable;
      if (final || gaveUp() || left() <= 0) return undefined;
      // A store that fails at once must not keep the event loop, and with it all heartbeats, busy.
      await new Promise((resolve) => setTimeout(resolve, Math.min(20, left())));
      if (left() <= 0) return undefined;
    }
  }
}
