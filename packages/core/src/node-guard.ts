/** A guarded route on Node's `http`: from the head of a request to its admission. */
import type { IncomingMessage } from "node:http";
import type { Admission, Entry, Guard } from "./guard.js";
import { losesBody } from "./node-body.js";
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

/** Claims the key, and leaves the body readable. `undefined`: the sender is gone, and nobody would read an answer. */
export async function admit(
  guard: Guard,
  entry: Exclude<Entry, { kind: "pass" }>,
  { request, url, basePath, native }: NativeRequest,
): Promise<Admission | undefined> {
  const { method = "GET" } = request;
  const headers = headersOf(request);
  // Two headers may look like one in `request.headers`.
  const seen = entry.kind === "claim" ? guard.enter(method, headers) : entry;
  if (seen.kind !== "claim") return seen.kind === "answer" ? { ...seen, replayed: false } : undefined;
  let body: Uint8Array = new Uint8Array(0);
  try {
    if (guard.needsBody) body = await peekBody(request, guard.maxBodyBytes);
  } catch (error) {
    const response = unreadable(error);
    return response && { kind: "answer", response, replayed: false };
  }
  const admission = await guard.claim(seen.key, { method, url, basePath, headers, body, native });
  if (admission.kind === "run" && losesBody(request)) {
    // The route would find an empty body, and what it made of that would be kept.
    await admission.run.abandon();
    return undefined;
  }
  return admission;
}
