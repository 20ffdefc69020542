/** One request on Node's `http` to something that speaks plain HTTP data. */
import type { HttpHandler, HttpResponse } from "./http.js";
import type { NativeRequest } from "./node-guard.js";
import { headersOf, readBody, unreadable } from "./node-request.js";

/** `undefined`: the sender is gone, and nobody would read an answer. Rejects with nothing that is Hooklatch's own. */
export async function serve(
  handler: HttpHandler,
  { request, url, basePath, native }: NativeRequest,
): Promise<HttpResponse | undefined> {
  const arrivedAt = performance.now();
  let body: Uint8Array;
  try {
    body = await readBody(request, handler.maxBodyBytes);
  } catch (error) {
    return unreadable(error);
  }
  const { method = "GET" } = request;
  return handler.handle({ method, url, basePath, headers: headersOf(request), body, native }, { arrivedAt });
}
