/** A guarded route on Node's `http`: from the head of a request to its admission. */
import type { IncomingMessage } from "node:http";
import type { Admission, Entry, Guard } from "./guard.js";
import { type HttpHeaders, type HttpResponse, problem } from "./http.js";
import { losesBody } from "./node-body.js";
import { isGone } from "./node-cut.js";
import { holdListeners } from "./node-listeners.js";
import { peekBody } from "./node-peek.js";
import { headersOf, unreadable } from "./node-request.js";

/** A request as a framework has it. */
export interface NativeRequest {
  request: IncomingMessage & { body?: unknown };
  /** The original path and query. */
  url: string;
  basePath: string;
  /** What `tenant` is given. */
  native: unknown;
}

/** `pass`: this very guard has let this very request in already, so it must go on untouched. */
export type NativeAdmission = Admission | { kind: "pass" };

const KEY = "idempotency-key";
/** Requests that a guard has let in: mounted twice on one way, it would wait for itself. */
const admitted = new WeakMap<Guard, WeakSet<IncomingMessage>>();

/**
 * Claims the key, and leaves the body readable. `undefined`: the sender is gone, and nobody would read an answer. Nothing has run then, and
 * the key is free.
 */
export async function admit(
  guard: Guard,
  entry: Exclude<Entry, { kind: "pass" }>,
  native: NativeRequest,
): Promise<NativeAdmission | undefined> {
  const { request } = native;
  if (admitted.get(guard)?.has(request)) return { kind: "pass" };
  if (request.httpVersionMajor > 1) return { kind: "answer", response: http1Only(), replayed: false };
  if (entry.kind === "answer") return { ...entry, replayed: false };
  const headers = headersOf(request);
  const repeated = repeatedKey(guard, request, headers);
  if (repeated !== undefined) return { ...repeated, replayed: false };
  // The one that the app sees. A middleware may have set it, where the raw headers have another one or none.
  const key = request.headers[KEY] ?? entry.key;
  const release = holdListeners(request);
  try {
    return await claim(guard, entry.key, native, Object.assign(headers, { [KEY]: key }));
  } finally {
    release();
  }
}

async function claim(
  guard: Guard,
  key: string,
  { request, url, basePath, native }: NativeRequest,
  headers: HttpHeaders,
): Promise<Admission | undefined> {
  let body: Uint8Array = new Uint8Array(0);
  try {
    if (guard.needsBody) body = await peekBody(request, guard.maxBodyBytes);
  } catch (error) {
    const response = unreadable(error);
    return response && { kind: "answer", response, replayed: false };
  }
  if (isGone(request)) return undefined;
  const { method = "GET" } = request;
  const admission = await guard.claim(key, { method, url, basePath, headers, body, native });
  if (admission.kind !== "run") return admission;
  // It may have waited for another one for long. And the route would find an empty body, and what it made of that would be kept.
  if (isGone(request) || losesBody(request)) {
    await admission.run.abandon();
    return undefined;
  }
  const requests = admitted.get(guard) ?? new WeakSet();
  admitted.set(guard, requests.add(request));
  return admission;
}

/** The refusal of a key that was sent more than once: two may look like one in `request.headers`. */
function repeatedKey(
  guard: Guard,
  { method = "GET" }: IncomingMessage,
  headers: HttpHeaders,
): Extract<Entry, { kind: "answer" }> | undefined {
  const sent = headers[KEY];
  if (!Array.isArray(sent) || sent.length < 2) return undefined;
  const entry = guard.enter(method, { [KEY]: sent });
  return entry.kind === "answer" ? entry : undefined;
}

function http1Only(): HttpResponse {
  return problem({
    status: 500,
    code: "invalid_option",
    title: "The route cannot be guarded here",
    detail: "idempotency() captures HTTP/1.1 responses only: serve this route without HTTP/2.",
    retryable: false,
  });
}
