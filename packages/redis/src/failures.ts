/** What Redis and ioredis fail with, as coded errors. */
import { HooklatchError } from "@hooklatch/core";

/**
 * Everything that Redis, the network or the client fails with may be over the next time: retryable.
 * What is coded already passes as it is.
 */
export function unavailable(error: unknown): HooklatchError {
  if (HooklatchError.is(error)) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new HooklatchError("store_unavailable", `Redis failed: ${text}${hint(text)}`, {
    cause: error,
    retryable: true,
  });
}

function hint(text: string): string {
  if (says(text, "MOVED"))
    return " (the server is part of a Redis Cluster: connect with `new Redis.Cluster([…])`)";
  if (says(text, "OOM")) return " (it is full: what runs may end, nothing new is taken)";
  return "";
}

/** An error's code comes first; what a script met follows after the script's name, and before Redis 7 after a dash. */
function says(text: string, code: string): boolean {
  return new RegExp(`(?:^|[\\s-])${code}(?:\\s|$)`).test(text);
}

export function timedOut(timeoutMs: number): HooklatchError {
  return new HooklatchError("store_timeout", `Redis gave no answer within ${timeoutMs} ms.`, {
    retryable: true,
  });
}

export function closedError(what: string): HooklatchError {
  return new HooklatchError("store_closed", `${what} is closed.`);
}

export function isError(error: unknown, code: string): boolean {
  return error instanceof Error && says(error.message, code);
}
