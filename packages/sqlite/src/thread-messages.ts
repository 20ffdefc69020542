/** What crosses between an app and the thread of its store: calls one way, answers the other, many in one message. */
import { type ErrorCode, HooklatchError, type IdempotencyStore } from "@hooklatch/core";

type Called = Exclude<keyof IdempotencyStore, "survives">;

/** Every verb of a store, so that none is forgotten: each is one call to the thread. */
const CALLED: Record<Called, true> = {
  claim: true,
  extend: true,
  complete: true,
  retry: true,
  fail: true,
  settle: true,
  discard: true,
  outrank: true,
  release: true,
  schedule: true,
  claimDue: true,
  get: true,
  delete: true,
  stats: true,
  scopes: true,
  describe: true,
  purge: true,
  close: true,
};
export const VERBS = Object.keys(CALLED) as readonly Called[];

/** How the thread opens its store. */
export interface ThreadOptions {
  path: string;
  busyTimeoutMs: number;
}

export interface Call {
  id: number;
  verb: Called;
  args: unknown[];
}

/** Of one call; `error` where it was rejected. */
export interface Answer {
  id: number;
  value?: unknown;
  error?: CarriedError;
}

/** `opening`: the file could not be opened, and the thread ends. */
export type FromThread = { answers: Answer[] } | { opening: CarriedError };

/** An error as plain data: what crosses keeps neither the class nor the code of an error. */
interface CarriedError {
  name: string;
  message: string;
  stack?: string | undefined;
  /** Of a `HooklatchError`, with `retryable`; else of whatever SQLite or Node raised. */
  code?: string | undefined;
  retryable?: boolean;
  cause?: CarriedError;
}

const DEEPEST_CAUSE = 4;

export function carry(error: unknown, depth = 0): CarriedError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error;
  const code = (error as { code?: unknown }).code;
  return {
    name,
    message,
    stack,
    ...(code === undefined ? {} : { code: String(code) }),
    ...(HooklatchError.is(error) ? { retryable: error.retryable } : {}),
    ...(cause === undefined || depth === DEEPEST_CAUSE ? {} : { cause: carry(cause, depth + 1) }),
  };
}

export function uncarry({ name, message, stack, code, retryable, cause }: CarriedError): Error {
  const options = cause === undefined ? {} : { cause: uncarry(cause) };
  if (retryable !== undefined)
    return new HooklatchError(code as ErrorCode, message, { ...options, retryable });
  const error = Object.assign(new Error(message, options), { name, ...(code === undefined ? {} : { code }) });
  if (stack !== undefined) error.stack = stack;
  return error;
}

const PAYLOADS = ["event", "originalEvent", "result"] as const;

/**
 * A request or an answer that can cross. Its payloads are copied once, unless they are `owned`, and moved: a view of a larger buffer would
 * take all of that buffer along, and a buffer of somebody else must stay with them.
 */
export function movable(value: unknown, moved: ArrayBuffer[], owned: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => movable(item, moved, owned));
  if (typeof value !== "object" || value === null) return value;
  let copy: Record<string, unknown> | undefined;
  for (const name of PAYLOADS) {
    const bytes = (value as Record<string, unknown>)[name];
    if (!(bytes instanceof Uint8Array)) continue;
    const whole = owned && bytes.byteLength === bytes.buffer.byteLength;
    const alone = whole ? bytes : new Uint8Array(bytes);
    moved.push(alone.buffer as ArrayBuffer);
    copy ??= { ...value };
    copy[name] = alone;
  }
  return copy ?? value;
}
