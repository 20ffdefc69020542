/** What a webhook handler returns, as an HTTP response and as the bytes that a store keeps of it. */
import { HooklatchError, RetryAfterError } from "./errors.js";
import { strictJson } from "./fingerprint.js";
import { BODILESS, type HttpResponse, json, utf8 } from "./http.js";
import { readHead, withHead } from "./webhook.js";

const REPLY = Symbol.for("hooklatch.reply");

/** An exact response, made by `respond`. */
export interface WebhookReply {
  readonly status: number;
  readonly headers: Record<string, string | string[]>;
  readonly body: Uint8Array | null;
}

/** Statuses of a handler that mean "try again". */
const RETRIED = new Set([408, 425, 429]);
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Answers with exactly this status, body and headers. A string body is `text/plain`, bytes are `application/octet-stream`, anything
 * else is JSON; a `content-type` of your own wins.
 *
 * 5xx, 408, 425 and 429 count as a failed attempt, and a `Retry-After` among the headers chooses when the next one starts. Every other
 * status is a completion.
 *
 * @throws {HooklatchError} `invalid_response` for a status outside of 200–599, a malformed header, or a body that JSON cannot hold
 */
export function respond(
  status: number,
  body?: unknown,
  headers: Record<string, string | string[]> = {},
): WebhookReply {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new HooklatchError(
      "invalid_response",
      `A status is a whole number from 200 to 599; it is ${String(status)}.`,
    );
  }
  const checked: Record<string, string | string[]> = Object.create(null);
  const { bytes, type } = bodyOf(body);
  const empty = bytes === null || BODILESS.has(status);
  if (!empty && type !== undefined) checked["content-type"] = type;
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    const values = Array.isArray(value) ? value : [value];
    if (!HEADER_NAME.test(lower) || !values.every((v) => typeof v === "string" && HEADER_VALUE.test(v))) {
      throw new HooklatchError("invalid_response", `The header ${JSON.stringify(name)} is malformed.`);
    }
    checked[lower] = value;
  }
  const reply: WebhookReply = { status, headers: checked, body: empty ? null : bytes };
  return Object.defineProperty(reply, REPLY, { value: true });
}

function bodyOf(body: unknown): { bytes: Uint8Array | null; type?: string } {
  if (body === undefined || body === null) return { bytes: null };
  if (typeof body === "string") return { bytes: utf8(body), type: "text/plain; charset=utf-8" };
  if (body instanceof Uint8Array) return { bytes: body, type: "application/octet-stream" };
  try {
    return { bytes: utf8(strictJson(body)), type: "application/json" };
  } catch (cause) {
    throw new HooklatchError("invalid_response", "The body of the response cannot be encoded as JSON.", {
      cause,
    });
  }
}

/** What became of a handler's return value. */
export interface Reply {
  response: HttpResponse;
  /** The handler returned nothing, so a duplicate is told that it is one. */
  nothing: boolean;
  /** Why the value cannot be kept. */
  unkept?: unknown;
}

/**
 * The response for what a handler returned.
 * @throws when the status means that the attempt failed, or the value is no response at all
 */
export function replyOf(returned: unknown): Reply {
  if (returned === undefined) return { response: json(200, { status: "ok" }), nothing: true };
  if (isReply(returned)) {
    const { status, headers, body } = returned;
    if (status >= 500 || RETRIED.has(status)) throw failedBy(status, headers["retry-after"]);
    return { response: { status, headers, body }, nothing: false };
  }
  if (typeof Response !== "undefined" && returned instanceof Response) {
    throw new HooklatchError(
      "invalid_response",
      "Return respond(status, body, headers) instead of a Response.",
    );
  }
  try {
    const body = utf8(strictJson(returned));
    return {
      response: { status: 200, headers: { "content-type": "application/json" }, body },
      nothing: false,
    };
  } catch (unkept) {
    // The handler did its work: running it again would not make its result any more encodable.
    return { response: json(200, { status: "ok" }), nothing: true, unkept };
  }
}

function isReply(value: unknown): value is WebhookReply {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[REPLY] === true;
}

function failedBy(status: number, retryAfter: string | string[] | undefined): Error {
  const message = `The handler answered ${status}.`;
  const ms = parseRetryAfter(retryAfter);
  if (ms !== undefined) return new RetryAfterError(message, ms);
  return new HooklatchError("handler_status", message, { retryable: true });
}

/** `Retry-After` in ms from now: whole seconds or an HTTP date (RFC 9110 §10.2.3). `undefined` when it is neither. */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== "string") return undefined;
  if (/^\d{1,10}$/.test(value.trim())) return Number(value) * 1000;
  const date = /^[A-Za-z]+,? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}

/** Headers that describe the body or the result. Everything else, above all `Set-Cookie`, belongs to the first response alone. */
const REPLAYED_HEADERS = new Set([
  "content-type",
  "content-encoding",
  "content-language",
  "content-disposition",
  "content-location",
  "content-range",
  "cache-control",
  "etag",
  "last-modified",
  "link",
  "location",
]);

/** Tells a stored response from a fresh one. */
export const REPLAYED_MARK = { "idempotent-replayed": "true" };

interface StoredHead {
  status: number;
  headers: Record<string, string | string[]>;
  nothing?: true;
  bodiless?: true;
}

export function encodeReply({ response, nothing, unkept }: Reply): Uint8Array {
  if (unkept !== undefined) throw unkept;
  const { status, headers, body } = response;
  // Without a body its length is what the first response said it would be (HEAD, 304).
  const kept: StoredHead["headers"] = {};
  for (const name of Object.keys(headers)) {
    const isKept = REPLAYED_HEADERS.has(name) || (body === null && name === "content-length");
    if (isKept) kept[name] = headers[name] as string | string[];
  }
  const head: StoredHead = { status, headers: kept };
  if (nothing) head.nothing = true;
  if (body === null) head.bodiless = true;
  return withHead(JSON.stringify(head), body ?? new Uint8Array(0));
}

/** A stored response as a duplicate gets it; `undefined` where there is none: it was not kept, or the handler returned nothing. */
export function replayOf(result: Uint8Array | null): HttpResponse | undefined {
  const reply = result === null ? undefined : decodeReply(result);
  if (reply === undefined || reply.nothing) return undefined;
  const { status, headers, body } = reply.response;
  return { status, headers: { ...headers, ...REPLAYED_MARK }, body };
}

export function decodeReply(bytes: Uint8Array): Reply {
  const { head, body } = readHead<StoredHead>(bytes);
  const response = { status: head.status, headers: head.headers, body: head.bodiless ? null : body };
  return { response, nothing: head.nothing === true };
}
