/** Who an operation is: from the `Idempotency-Key` header to the name under which a store keeps it. */
import { parseItem } from "structured-headers";
import { type ErrorCode, HooklatchError } from "./errors.js";
import { sha256Hex } from "./hash.js";
import type { HttpHeaders } from "./http.js";
import type { OperationId } from "./store.js";

/** Longest `Idempotency-Key` that is accepted from a client. */
const MAX_HEADER_KEY = 255;
/** Longest scope, tenant or key of one's own. */
const MAX_PART = 1_024;
const BARE_KEY = /^[A-Za-z0-9._~:+/=-]{1,255}$/;
export const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * The name under which a store keeps an operation: 64 hex digits, the SHA-256 of the length-prefixed parts. No two identities share a
 * name, whatever separators, braces, NULs or unicode they hold, and no user text reaches a key of the store.
 */
export function storageKey(id: OperationId): string {
  return digestOf("operation", id);
}

/** The id of an operation's dead letter: 64 hex digits. */
export function letterId(id: OperationId): string {
  return digestOf("letter", id);
}

/** A key for one step downstream: stable over attempts, rounds, recoveries and replays of the operation. A UUID-like 32 hex digits. */
export function derivedKey(id: OperationId, step: string): string {
  return sha256Hex(`${digestOf("step", id)}:${step}`).slice(0, 32);
}

function digestOf(kind: string, id: OperationId): string {
  return sha256Hex(`hooklatch:1:${kind}:${identityOf(id)}`);
}

/** The parts with their lengths before them: no two identities share one. As long as they are; `storageKey` is what leaves the process. */
export function identityOf({ scope, tenant, key }: OperationId): string {
  const owner = tenant === undefined ? "-" : lengthPrefixed(tenant);
  return `${lengthPrefixed(scope)}${owner}${lengthPrefixed(key)}`;
}

function lengthPrefixed(part: string): string {
  // In UTF-8 all lone surrogates become the same replacement character, so two different keys would share a name.
  if (LONE_SURROGATE.test(part)) {
    throw new HooklatchError(
      "invalid_key",
      "A scope, tenant or key must be well-formed unicode: it has a lone surrogate.",
    );
  }
  return `${part.length}:${part}`;
}

/**
 * Runs the app's own `key` or `tenant` and checks what it gave.
 * @throws {HooklatchError} `invalid_key`, `invalid_tenant`; a coded error that the function itself threw passes through
 */
export function extractPart<Input>(
  from: (input: Input) => unknown,
  input: Input,
  name: "key" | "tenant",
): string {
  const code = name === "key" ? "invalid_key" : "invalid_tenant";
  const part = extract(from, input, name, code);
  if (typeof part !== "string" || part === "") {
    const given = part === "" ? "an empty string" : part === null ? "null" : typeof part;
    throw new HooklatchError(code, `\`${name}\` must give a non-empty string; it gave ${given}.`);
  }
  if (part.length > MAX_PART)
    throw new HooklatchError(code, `\`${name}\` gave more than ${MAX_PART} characters.`);
  if (LONE_SURROGATE.test(part))
    throw new HooklatchError(code, `\`${name}\` gave a string with a lone surrogate.`);
  return part;
}

/** Runs the app's own `fingerprint` and hashes what it gave. */
export function extractFingerprint<Input>(from: (input: Input) => unknown, input: Input): string {
  const data = extract(from, input, "fingerprint", "invalid_fingerprint");
  if (typeof data === "string" || data instanceof Uint8Array) return sha256Hex(data);
  throw new HooklatchError(
    "invalid_fingerprint",
    `\`fingerprint\` must give a string or bytes; it gave ${typeof data}.`,
  );
}

function extract<Input>(
  from: (input: Input) => unknown,
  input: Input,
  name: string,
  code: ErrorCode,
): unknown {
  let part: unknown;
  try {
    part = from(input);
  } catch (cause) {
    if (HooklatchError.is(cause)) throw cause;
    // Without the cause's text: this message reaches the sender.
    throw new HooklatchError(code, `\`${name}\` threw an error.`, { cause });
  }
  // Refused by the caller, as everything that is no string; what it rejects with must not end the process.
  if (part instanceof Promise) part.catch(() => {});
  return part;
}

/**
 * Reads `Idempotency-Key`: an RFC 9651 string (`"k-1"`, as draft-ietf-httpapi-idempotency-key-header-07 wants it), or the bare form that
 * most clients send. Absent: `undefined`.
 *
 * @throws {HooklatchError} `invalid_key` when it is malformed, empty, longer than 255 characters, or sent more than once
 */
export function readIdempotencyKey(headers: HttpHeaders): string | undefined {
  const value = headers["idempotency-key"];
  if (value === undefined) return undefined;
  if (typeof value !== "string") {
    if (value.length === 1) return readIdempotencyKey({ "idempotency-key": value[0] });
    throw invalidHeader("it was sent more than once");
  }
  const text = value.replace(/^[ \t]+|[ \t]+$/g, "");
  if (!text.startsWith('"')) {
    if (BARE_KEY.test(text)) return text;
    throw invalidHeader(
      `it must be a quoted string (RFC 9651), or 1 to ${MAX_HEADER_KEY} of the characters A-Z a-z 0-9 . _ ~ : + / = -`,
    );
  }
  let key: unknown;
  try {
    [key] = parseItem(text);
  } catch (cause) {
    throw invalidHeader("it is not one RFC 9651 string", cause);
  }
  if (typeof key !== "string" || key === "") throw invalidHeader("it is empty");
  if (key.length > MAX_HEADER_KEY) throw invalidHeader(`it is longer than ${MAX_HEADER_KEY} characters`);
  return key;
}

function invalidHeader(why: string, cause?: unknown): HooklatchError {
  return new HooklatchError("invalid_key", `The Idempotency-Key header cannot be used: ${why}.`, { cause });
}
