/** Events and errors as they may be seen: redacted, as text, and not longer than a page can bear. */
import {
  type AttemptRecord,
  deliveredIn,
  type ErrorRecord,
  type HttpHeaders,
  sameBytes,
  utf8In,
  type WebhookEvent,
  withoutCredentials,
} from "@hooklatch/core";
import type { Attempt, ErrorShown, EventShown } from "./api.js";
import type { Settings } from "./options.js";

/** Of a longer body the page gets the beginning; the download has all of it. */
export const SHOWN_BYTES = 64 * 1024;

type Redaction = Pick<Settings, "redact" | "redactText">;

/** An event with its redactions. `delivered`: absent for the input of a plain function, which is a body alone. */
export interface Seen {
  delivered?: Pick<WebhookEvent, "method" | "url" | "headers" | "receivedAt">;
  body: Uint8Array;
  /** The body is not the one that is kept. */
  redacted: boolean;
}

export function seen(event: Uint8Array, { redact, redactText }: Redaction): Seen {
  const delivered = deliveredIn(event);
  if (delivered === undefined) {
    if (redactText === undefined) return { body: event, redacted: false };
    const before = utf8In(event);
    // What is no text cannot be redacted, so it is not shown.
    const after = before === undefined ? "" : redactText(before);
    return { body: after === before ? event : new TextEncoder().encode(after), redacted: after !== before };
  }
  const instead = redact?.(delivered) ?? {};
  const headers = withoutCredentials(instead.headers ?? delivered.headers, true);
  const { method, url, receivedAt } = delivered;
  const body = instead.body ?? delivered.body;
  return {
    delivered: { method, url: instead.url ?? url, headers, receivedAt },
    body,
    redacted: body !== delivered.body && !sameBytes(body, delivered.body),
  };
}

export function eventShown({ delivered, body, redacted }: Seen): EventShown {
  const cut = body.byteLength > SHOWN_BYTES;
  const text = utf8In(cut ? body.subarray(0, endOfCharacter(body, SHOWN_BYTES)) : body);
  return {
    ...(delivered && {
      method: delivered.method,
      url: delivered.url,
      receivedAt: delivered.receivedAt.getTime(),
      headers: headerList(delivered.headers),
    }),
    ...(text !== undefined && { text }),
    bytes: body.byteLength,
    cut,
    redacted,
  };
}

export function headerList(headers: HttpHeaders): [name: string, value: string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : value === undefined ? [] : [value]).map((one): [string, string] => [
      name,
      String(one),
    ]),
  );
}

/** The last place at or before `at` at which no character of UTF-8 is cut in two. */
function endOfCharacter(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end > at - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return end;
}

export function errorShown(error: ErrorRecord, { redactText = (text) => text }: Redaction): ErrorShown {
  const { name, code, message, stack } = error;
  return {
    name: redactText(name),
    ...(code !== undefined && { code: redactText(code) }),
    message: redactText(message),
    ...(stack !== undefined && { stack: redactText(stack) }),
  };
}

export function timelineOf(attempts: readonly AttemptRecord[], redaction: Redaction): Attempt[] {
  return attempts.map(({ round = 1, attempt, startedAt, durationMs, owner, error }) => ({
    round,
    attempt,
    startedAt,
    durationMs,
    ...(owner !== undefined && { owner }),
    ...(error !== undefined && { error: errorShown(error, redaction) }),
  }));
}
