/** What a webhook handler is given: the delivered event, as the store keeps it. */
import { concatenated } from "./bytes.js";
import type { Codec } from "./codec.js";
import { HooklatchError } from "./errors.js";
import { type HttpHeaders, type HttpRequest, utf8 } from "./http.js";

export interface WebhookEvent extends HttpRequest {
  receivedAt: Date;
  /** The body as UTF-8. */
  text(): string;
  /**
   * The body as JSON.
   * @throws {HooklatchError} `invalid_json`; thrown on by the handler, it is not retried
   */
  json<T = unknown>(): T;
}

export interface WebhookEventParts extends HttpRequest {
  receivedAt: Date;
}

const decoder = new TextDecoder();

export function webhookEvent(parts: WebhookEventParts): WebhookEvent {
  const { method, url, basePath, headers, body, receivedAt, native } = parts;
  // Of this very body: whoever replaces it in a copy reads it by itself.
  const text = (): string => decoder.decode(body);
  const event: WebhookEvent = {
    method,
    url,
    basePath,
    headers,
    body,
    receivedAt,
    text,
    json<T>() {
      try {
        return JSON.parse(text()) as T;
      } catch (cause) {
        throw new HooklatchError("invalid_json", "The body of the event is not JSON.", { cause });
      }
    },
  };
  if (native !== undefined) event.native = native;
  return event;
}

const CREDENTIALS = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "x-api-key",
  "x-gitlab-token",
]);
/** `Stripe-Signature`, `X-Hub-Signature-256`, `X-Shopify-Hmac-Sha256`, `Paypal-Transmission-Sig`, … */
const SIGNATURE = /(^|-)(signature|hmac|hmacsha256|sig)(-|$)/;

/**
 * The headers without credentials, and without signatures once they have been used: an event is kept for a long time, and shown to
 * people.
 */
export function withoutCredentials(headers: HttpHeaders, signaturesToo: boolean): HttpHeaders {
  const kept: Record<string, string | readonly string[] | undefined> = Object.create(null);
  for (const name in headers) {
    if (CREDENTIALS.has(name) || (signaturesToo && SIGNATURE.test(name))) continue;
    kept[name] = headers[name];
  }
  return kept;
}

interface StoredHead {
  method: string;
  url: string;
  basePath: string;
  headers: HttpHeaders;
  receivedAt: number;
}

/** An event as bytes: a line of JSON, then the body as it came. */
export function encodeEvent(event: WebhookEvent): Uint8Array {
  const { method, url, basePath, headers, receivedAt, body } = event;
  // The text of a `StoredHead`. By hand, because `JSON.stringify` is slow at an object without a prototype.
  let members = "";
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    const text = typeof value === "string" ? quoted(value) : JSON.stringify(value);
    members += `${members === "" ? "" : ","}${quoted(name)}:${text}`;
  }
  const request = `"method":${quoted(method)},"url":${quoted(url)},"basePath":${quoted(basePath)}`;
  return withHead(`{${request},"headers":{${members}},"receivedAt":${receivedAt.getTime()}}`, body);
}

/** Nothing that JSON would escape. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

function quoted(text: string): string {
  return UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** What the handler is given of an event that was just encoded: what `readStoredEvent` would read back. */
export function asStored({ method, url, basePath, headers, receivedAt, body }: WebhookEvent): WebhookEvent {
  // Bytes of its own: whoever reads `body.buffer` must find nothing else there.
  return webhookEvent({ method, url, basePath, headers, receivedAt, body: new Uint8Array(body) });
}

/**
 * Reads an event that a receiver stored, for instance `letter.event` of a dead letter.
 * @throws {HooklatchError} `event_undecodable`
 */
export function readStoredEvent(bytes: Uint8Array): WebhookEvent {
  const { head, body } = readHead<StoredHead>(bytes);
  if (typeof head.method !== "string" || typeof head.receivedAt !== "number") throw undecodable();
  const headers = Object.assign(Object.create(null), head.headers) as HttpHeaders;
  return webhookEvent({ ...head, headers, receivedAt: new Date(head.receivedAt), body });
}

const encoder = new TextEncoder();

/** A line of JSON, given as its text, then bytes: cheap to write and to read, whatever the size and content of the body. */
export function withHead(json: string, body: Uint8Array): Uint8Array {
  const line = `${json}\n`;
  // As long as it is if it is ASCII, as nearly all are: one array rather than two.
  const bytes = new Uint8Array(line.length + body.byteLength);
  const { read, written } = encoder.encodeInto(line, bytes.subarray(0, line.length));
  if (read === line.length && written === read) {
    bytes.set(body, written);
    return bytes;
  }
  const head = utf8(line);
  return concatenated([head, body], head.byteLength + body.byteLength);
}

export function readHead<Head>(bytes: Uint8Array): { head: Head; body: Uint8Array } {
  const end = bytes.indexOf(10);
  let head: unknown;
  try {
    head = JSON.parse(decoder.decode(bytes.subarray(0, end)));
  } catch (cause) {
    throw undecodable(cause);
  }
  if (typeof head !== "object" || head === null) throw undecodable();
  return { head: head as Head, body: bytes.slice(end + 1) };
}

function undecodable(cause?: unknown): HooklatchError {
  return new HooklatchError("event_undecodable", "The stored bytes are not what a receiver stores.", {
    cause,
  });
}

/** The input half of the receiver's codec. */
export const eventCodec: Pick<Codec<WebhookEvent>, "encodeInput" | "decodeInput"> = {
  encodeInput: encodeEvent,
  decodeInput: readStoredEvent,
};
