/** The way back on Node's `http`. */
import type { ServerResponse } from "node:http";
import { HOP_BY_HOP, type HttpResponse } from "./http.js";

/** Writes a response, unless the client is gone. */
export function writeResponse(to: ServerResponse, response: HttpResponse): void {
  if (to.headersSent || to.destroyed) return;
  const { status, headers, body } = response;
  // Set one by one, so that headers which other middleware set before stay.
  for (const [name, value] of Object.entries(headers)) if (!HOP_BY_HOP.has(name)) to.setHeader(name, value);
  to.statusCode = status;
  if (body === null) {
    to.end();
    return;
  }
  to.setHeader("content-length", body.byteLength);
  to.end(to.req.method === "HEAD" ? undefined : body);
}
