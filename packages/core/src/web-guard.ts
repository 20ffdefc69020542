/** A guarded route where Fetch is spoken. */
import type { Entry, Guard } from "./guard.js";
import { outcomeUnknown, refusalOf } from "./refusal.js";
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

/**
 * What a route did. `unkept`: it has run, and what it answered is not in this response, which goes on untouched; `undefined`: nobody knows
 * what it answered.
 */
export type RouteResult = Response | { unkept: Response | undefined };

/**
 * Runs `route` at most once for its key, and answers with what it answered. Rejects with what `route` rejects with, and with a `TypeError`
 * where it gives no `Response`, or one whose body was read; the key is then released.
 */
export async function runGuarded(
  guard: Guard,
  entry: Exclude<Entry, { kind: "pass" }>,
  { request, native, body: readElsewhere }: GuardedCall,
  route: () => Promise<RouteResult>,
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
  try {
    const result = await route();
    if (isUnkept(result)) {
      await run.finishUnkept(result.unkept?.status ?? 200);
      return result.unkept ?? toResponse(outcomeUnknown("outcome_unknown", 1_000), method);
    }
    return await captureResponse(readable(result), run, method);
  } catch (error) {
    await run.abandon();
    throw error;
  }
}

function isUnkept(result: RouteResult): result is { unkept: Response | undefined } {
  return typeof result === "object" && result !== null && "unkept" in result;
}

/** Not by `instanceof`: hosts and polyfills have classes of their own. */
function readable(response: Response): Response {
  const given: Partial<Response> | undefined = response ?? undefined;
  if (typeof given?.status !== "number" || given.headers === undefined) {
    throw new TypeError(`The guarded handler returned ${String(response)}, which is not a Response.`);
  }
  // One that was read to its end would look like an empty one.
  if (response.bodyUsed || response.body?.locked)
    throw new TypeError("The body of the guarded handler's response has been read already.");
  return response;
}
