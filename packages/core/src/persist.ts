/** The write that ends a run: it is sent until it is answered, because losing it would mean running again. */
import { HooklatchError } from "./errors.js";
import type { Lease } from "./lease.js";
import { type StoreCall, storeCall } from "./store-call.js";

/** Who writes: a run, with its claim. */
export interface Writer {
  readonly lease: Lease;
  readonly leaseMs: number;
  readonly storeTimeoutMs: number;
  /** With the limit `storeTimeoutMs`. */
  readonly callStore: StoreCall;
  /** `close()` waits no longer. */
  readonly gaveUp: boolean;
  onError(operation: string, error: unknown): void;
}

/**
 * Sends a fenced write again and again, heartbeats on, until it is answered or the lease is over for us.
 * `undefined`: no answer. What happened is unknown, and the operation must not be run again by us.
 */
export function persistWrite(
  operation: string,
  write: () => Promise<boolean>,
  by: Writer,
): Promise<boolean | undefined> {
  const now = performance.now();
  const patience = now + by.leaseMs;
  // What may take its whole time is nearly always answered at once.
  if (by.lease.deadline - now < by.storeTimeoutMs) return persistUntil(patience, operation, write, by);
  return by.callStore(write).catch((error: unknown) => afterFailure(error, patience, operation, write, by));
}

async function persistUntil(
  patience: number,
  operation: string,
  write: () => Promise<boolean>,
  by: Writer,
): Promise<boolean | undefined> {
  const leftMs = leftOf(patience, by);
  try {
    // A run that is late already gets one full try: it may still complete if nobody took over.
    if (leftMs <= 0 || leftMs >= by.storeTimeoutMs) return await by.callStore(write);
    return await storeCall(write, leftMs);
  } catch (error) {
    return afterFailure(error, patience, operation, write, by);
  }
}

async function afterFailure(
  error: unknown,
  patience: number,
  operation: string,
  write: () => Promise<boolean>,
  by: Writer,
): Promise<boolean | undefined> {
  by.onError(operation, error);
  const isFinal = HooklatchError.is(error) && !error.retryable;
  if (isFinal || by.gaveUp || leftOf(patience, by) <= 0) return undefined;
  // A store that fails at once must not keep the event loop, and with it all heartbeats, busy.
  await new Promise((resolve) => setTimeout(resolve, Math.min(20, leftOf(patience, by))));
  return leftOf(patience, by) <= 0 ? undefined : persistUntil(patience, operation, write, by);
}

/** Asked again each time: a heartbeat may have moved the deadline. */
function leftOf(patience: number, { lease }: Writer): number {
  return Math.min(lease.deadline, patience) - performance.now();
}
