/**
 * Every error that Hooklatch raises by itself, each with a stable `code`.
 *
 * The brand is a registered symbol, so that two installed copies of this package still recognise each other's errors:
 * use the static `is` guards rather than `instanceof`.
 */
const BRAND = Symbol.for("hooklatch.error");
const NON_RETRYABLE = Symbol.for("hooklatch.error.non-retryable");
const RETRY_AFTER = Symbol.for("hooklatch.error.retry-after");

/** What went wrong, for programs. Each has a heading in `docs/errors.md`. */
export type ErrorCode =
  | "invalid_option"
  | "scope_in_use"
  | "invalid_key"
  | "invalid_tenant"
  | "invalid_fingerprint"
  | "not_encodable"
  | "event_undecodable"
  | "invalid_json"
  | "invalid_response"
  | "body_too_large"
  | "body_already_read"
  | "body_aborted"
  | "unsupported_encoding"
  | "wait_until_missing"
  | "closed"
  | "store_closed"
  | "store_unavailable"
  | "store_timeout"
  | "store_busy"
  | "store_not_durable"
  | "store_not_replicated"
  | "store_version_unsupported"
  | "schema_newer"
  | "event_not_kept"
  | "max_run_exceeded"
  | "attempt_abandoned"
  | "attempts_exhausted_by_crash"
  | "handler_status"
  | "invalid_letter"
  | "invalid_argument";

export interface HooklatchErrorOptions {
  cause?: unknown;
  /** Whether the same call can succeed later without a change. Default: false. */
  retryable?: boolean;
}

/** Base class of all errors raised by Hooklatch. `code` is stable over versions, `message` is not. */
export class HooklatchError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call can succeed later without a change. */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: HooklatchErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "HooklatchError";
    this.code = code;
    this.retryable = options.retryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }

  static is(error: unknown, code?: ErrorCode): error is HooklatchError {
    return branded(error, BRAND) && (code === undefined || (error as HooklatchError).code === code);
  }
}

/**
 * Throw it from a handler when another attempt cannot help: the operation dies at once and goes to the dead letters.
 *
 * @example throw new NonRetryableError("unknown price id", { cause: error });
 */
export class NonRetryableError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "NonRetryableError";
    Object.defineProperty(this, NON_RETRYABLE, { value: true });
  }

  static is(error: unknown): error is NonRetryableError {
    return branded(error, NON_RETRYABLE);
  }
}

/**
 * Throw it from a handler to choose when the next attempt starts, for instance after a `429` from another service.
 * The delay is cut to `retry.maxDelayMs`; it consumes an attempt like any failure.
 * Thrown from `verify`, it answers `503` with `Retry-After` instead of `401`.
 *
 * @param retryAfter milliseconds from now, or the moment itself
 */
export class RetryAfterError extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, retryAfter: number | Date, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "RetryAfterError";
    const ms = retryAfter instanceof Date ? retryAfter.getTime() - Date.now() : retryAfter;
    // NaN and negative values mean "now": a wrong hint must not turn a retry into a failure.
    this.retryAfterMs = ms > 0 ? ms : 0;
    Object.defineProperty(this, RETRY_AFTER, { value: true });
  }

  static is(error: unknown): error is RetryAfterError {
    return branded(error, RETRY_AFTER);
  }
}

function branded(error: unknown, brand: symbol): boolean {
  try {
    return typeof error === "object" && error !== null && (error as Record<symbol, unknown>)[brand] === true;
  } catch {
    // A revoked proxy, a throwing getter: a handler may throw anything.
    return false;
  }
}

/** An error as stored in an operation or a dead letter: plain data, bounded in size. */
export interface ErrorRecord {
  name: string;
  message: string;
  code?: string;
  stack?: string;
}

const MAX_MESSAGE = 2_000;
const MAX_STACK = 8_000;

/** Turns anything that was thrown, strings and `undefined` included, into an `ErrorRecord`. Never throws. */
export function toErrorRecord(error: unknown): ErrorRecord {
  try {
    if (typeof error === "object" && error !== null && "message" in error) {
      const { name, message, code, stack } = error as Record<string, unknown>;
      return {
        name: typeof name === "string" && name !== "" ? name.slice(0, 200) : "Error",
        message: String(message).slice(0, MAX_MESSAGE),
        ...(typeof code === "string" || typeof code === "number" ? { code: String(code).slice(0, 200) } : {}),
        ...(typeof stack === "string" ? { stack: stack.slice(0, MAX_STACK) } : {}),
      };
    }
    return { name: "NonError", message: describe(error).slice(0, MAX_MESSAGE) };
  } catch {
    return { name: "NonError", message: "a value that cannot be shown" };
  }
}

function describe(value: unknown): string {
  return typeof value === "object" && value !== null
    ? (JSON.stringify(value) ?? String(value))
    : String(value);
}
