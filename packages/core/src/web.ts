/** For adapters of frameworks that speak Fetch. Nothing of Node: this runs on any JavaScript host. */
import { HooklatchError } from "./errors.js";
import { stopsAfterResponse } from "./host.js";
import type { HttpHandler, HttpHost } from "./http.js";
import { refusalOf } from "./refusal.js";
import { headersOf, pathOf, readBody } from "./web-request.js";
import { toResponse } from "./web-response.js";

export { basePathOf } from "./base-path.js";
export { aborted } from "./body-errors.js";
export { type GuardedCall, type RouteResult, runGuarded } from "./web-guard.js";

/**
 * What the host can do, from whatever it hands to a fetch handler beside the request: a Worker's context, or `{ waitUntil }`.
 */
export function hostOf(given: () => readonly unknown[]): HttpHost {
  return new FetchHost(given);
}

interface Waiting {
  waitUntil(work: Promise<unknown>): void;
}

function canWait(one: unknown): one is Waiting {
  return typeof (one as Partial<Waiting> | undefined)?.waitUntil === "function";
}

class FetchHost implements HttpHost {
  readonly arrivedAt = performance.now();

  constructor(private readonly given: () => readonly unknown[]) {}

  // These are asked only by those who need more time than the request has: contexts and environments can be slow to read.
  get waitUntil(): HttpHost["waitUntil"] {
    const context = this.given().find(canWait);
    return context && ((work) => context.waitUntil(work));
  }

  get stopsAfterResponse(): boolean {
    return stopsAfterResponse();
  }
}

export interface MountedCall {
  basePath: string;
  native: unknown;
  host: HttpHost;
  /** Where the body is, if something has read the request before. */
  body?: (() => Promise<Uint8Array>) | undefined;
}

/** One request to a mounted handler. Never rejects. */
export async function serve(
  handler: HttpHandler,
  request: Request,
  { basePath, native, host, body: readElsewhere }: MountedCall,
): Promise<Response> {
  const { method } = request;
  let body: Uint8Array;
  try {
    const encoding = request.headers.get("content-encoding");
    if (encoding !== null && encoding.toLowerCase() !== "identity") {
      throw new HooklatchError("unsupported_encoding", `The body is ${encoding}-encoded. Send it as it is.`);
    }
    body = readElsewhere ? await readElsewhere() : await readBody(request, handler.maxBodyBytes);
  } catch (error) {
    return toResponse(refusalOf(error).response, method);
  }
  const headers = headersOf(request.headers);
  const response = await handler.handle(
    { method, url: pathOf(request), basePath, headers, body, native },
    host,
  );
  return toResponse(response, method);
}
