/** A guarded route where Fetch is spoken. */
import type { Entry, Guard } from "./guard.js";
import { refusalOf } from "./refusal.js";
import { captureResponse } from "./web-capture.js";
import { headersOf, pathOf, readBody } from "./web-request.js";
import { toResponse } from "./web-response.js";

export interface GuardedCall {
  /** Stays readable: its body is read from a clone. */
  request: Request;
  /** What `tenant` is given. */
  native: unknown;
  /** Where the body is, if something has read the request before. */
  body?: (() => Promise<Uint8Array>) | undefined;
}

/** Runs `route` at most once for its key, and answers with what it answered. Rejects with what `route` rejects with. */
export async function runGuarded(
  guard: Guard,
  entry: Exclude<Entry, { kind: "pass" }>,
  { request, native, body: readElsewhere }: GuardedCall,
  route: () => Promise<Response>,
): Promise<Response> {
  const { method } = request;
  if (entry.kind === "answer") return toResponse(entry.response, method);
  let body: Uint8Array = new Uint8Array(0);
  try {
    if (guard.needsBody) {
      body = readElsewhere
        ? await readElsewhere()
        : await readBody(request, guard.maxBodyBytes, { keep: true });
    }
  } catch (error) {
    return toResponse(refusalOf(error).response, method);
  }
  const headers = headersOf(request.headers);
  const admission = await guard.claim(entry.key, {
    method,
    url: pathOf(request),
    basePath: "",
    headers,
    body,
    native,
  });
  if (admission.kind === "answer") return toResponse(admission.response, method);
  const { run } = admission;
  let response: Response;
  try {
    response = await route();
  } catch (error) {
    await run.abandon();
    throw error;
  }
  return captureResponse(response, run, method);
}
