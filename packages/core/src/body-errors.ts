/** Why a request body cannot be had, on whatever host. */
import { HooklatchError } from "./errors.js";

export function tooLarge(maxBytes: number): HooklatchError {
  return new HooklatchError("body_too_large", `The body is larger than ${maxBytes} bytes.`);
}

export function aborted(cause: unknown): HooklatchError {
  return new HooklatchError("body_aborted", "The sender disconnected before the body was complete.", {
    cause,
    retryable: true,
  });
}

export function alreadyRead(text: string): HooklatchError {
  return new HooklatchError("body_already_read", text);
}
