/** The seam between the receiver and any web framework: plain data in, plain data out. */

/** Lower-case names, null prototype. A header that was sent more than once is an array. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface HttpRequest {
  method: string;
  /** The original path and query, whatever router it is mounted in. */
  url: string;
  /** Where the handler is mounted: `""` at the root. */
  basePath: string;
  headers: HttpHeaders;
  /** The raw bytes, as they were sent. */
  body: Uint8Array;
  /** The framework's own request, for `tenant`, `key` and `verify`. Never stored, and never given to the handler. */
  native?: unknown;
}

export interface HttpResponse {
  status: number;
  headers: Record<string, string | string[]>;
  body: Uint8Array | null;
}

export interface HttpHost {
  /** When the request came in, on the `performance.now()` clock, so that reading its body counts. Default: when `handle` is called. */
  arrivedAt?: number | undefined;
  /** Keeps the host alive for work that goes on after the response (Workers, serverless). */
  waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  /** The host stops what runs on when the response is out, so a response window without `waitUntil` is refused. Default: false. */
  stopsAfterResponse?: boolean | undefined;
}

/** Anything that an adapter can mount. `handle` never rejects: each outcome is a response. */
export interface HttpHandler {
  handle(request: HttpRequest, host?: HttpHost): Promise<HttpResponse>;
  /** Adapters stop reading a request body beyond this. */
  readonly maxBodyBytes: number;
}

export interface Problem {
  status: number;
  code: string;
  title: string;
  detail: string;
  retryable: boolean;
  retryAfterMs?: number | undefined;
}

/** An `application/problem+json` response (RFC 9457). */
export function problem(p: Problem): HttpResponse {
  const { status, code, title, detail, retryable } = p;
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "content-language": "en",
    "cache-control": "no-store",
  };
  if (p.retryAfterMs !== undefined) headers["retry-after"] = retryAfterSeconds(p.retryAfterMs);
  return {
    status,
    headers,
    body: utf8(
      JSON.stringify({ type: `urn:hooklatch:problem:${code}`, title, status, detail, code, retryable }),
    ),
  };
}

/** A JSON response. */
export function json(
  status: number,
  body: unknown,
  headers: Record<string, string | string[]> = {},
): HttpResponse {
  return {
    status,
    headers: { "content-type": "application/json", ...headers },
    body: utf8(JSON.stringify(body)),
  };
}

/** `Retry-After` in whole seconds: at least 1, at most 60, so that a sender never waits for a whole lease. */
export function retryAfterSeconds(ms: number): string {
  return String(Math.min(60, Math.max(1, Math.ceil(ms / 1000))));
}

const encoder = new TextEncoder();

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** How a message travels is the server's to say, not the handler's: `transfer-encoding` beside a length is a malformed message. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Statuses whose responses have no body (RFC 9110 §15); `new Response` refuses one (Fetch §2.2.3, null body status). */
export const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);
