/** The retry policy: one for the retries inside a request and for those that the store schedules. */
import { backOff } from "exponential-backoff";
import { HooklatchError, NonRetryableError, RetryAfterError } from "./errors.js";

export interface RetryOptions {
  /** Starts of the handler in one round, crashes counted. 1 to 1000. Default: 4. */
  maxAttempts?: number | undefined;
  /** The longest wait before the second attempt. Default: 1000. */
  initialDelayMs?: number | undefined;
  /** How much longer each further wait may be. At least 1. Default: 2. */
  multiplier?: number | undefined;
  /** No wait is longer, whatever a `RetryAfterError` says. Default: 60 000. */
  maxDelayMs?: number | undefined;
  /**
   * `full`: uniform between 0 and the delay. `equal`: half of the delay, and uniform up to the whole. `none`: the delay.
   * Default: `full`.
   */
  jitter?: "full" | "equal" | "none" | undefined;
  /** Answer `false` to give up at once. Asked after each failure but a `NonRetryableError`. Default: every failure is retried. */
  retryIf?: ((error: unknown, attempt: number) => boolean) | undefined;
}

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialDelayMs: number;
  readonly multiplier: number;
  readonly maxDelayMs: number;
  readonly jitter: "full" | "equal" | "none";
  readonly retryIf: (error: unknown, attempt: number) => boolean;
}

/** Whether another attempt may help after `attempt` failed. */
export function isRetryable(policy: RetryPolicy, error: unknown, attempt: number): boolean {
  if (attempt >= policy.maxAttempts || NonRetryableError.is(error)) return false;
  if (HooklatchError.is(error) && !error.retryable) return false;
  try {
    return policy.retryIf(error, attempt);
  } catch {
    // A broken `retryIf` must not bury events.
    return true;
  }
}

/** How long to wait after `attempt` failed with `error`, in ms. */
export function delayAfter(
  policy: RetryPolicy,
  error: unknown,
  attempt: number,
  random = Math.random,
): number {
  if (RetryAfterError.is(error)) return Math.min(error.retryAfterMs, policy.maxDelayMs);
  // Bounded before it is multiplied, because an infinity times a delay of 0 is no number.
  const growth = Math.min(policy.multiplier ** (attempt - 1), Number.MAX_VALUE);
  const delay = Math.min(policy.initialDelayMs * growth, policy.maxDelayMs);
  if (policy.jitter === "none") return delay;
  return policy.jitter === "full" ? random() * delay : delay / 2 + (random() * delay) / 2;
}

/**
 * Goes on after `first`, an attempt that failed, until one succeeds or `again` says no, by the `exponential-backoff` package. Rejects with what
 * the last one rejected with.
 *
 * The wait is inside `again`, with a delay of this file's policy, and the package's own delay is zero: the package can neither be
 * interrupted (at `close`, when the lease is lost), nor take a delay from an error, nor tell a delay beforehand.
 */
export function retryAttempts<T>(
  first: unknown,
  attempt: () => Promise<T>,
  again: (failure: unknown) => Promise<boolean>,
): Promise<T> {
  let isFirst = true;
  const next = (): Promise<T> => {
    if (!isFirst) return attempt();
    isFirst = false;
    return Promise.reject(first);
  };
  return backOff(next, {
    numOfAttempts: Number.MAX_SAFE_INTEGER,
    startingDelay: 0,
    jitter: "none",
    retry: again,
  });
}
