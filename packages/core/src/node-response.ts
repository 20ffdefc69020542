/** The way back on Node's `http`. */
import { ServerResponse } from "node:http";
import { HOP_BY_HOP, type HttpResponse } from "./http.js";

/** Above it, making text of it costs more than a second write. */
const ONE_WRITE_BYTES = 16 * 1024;

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
  if (to.req.method === "HEAD") to.end();
  // Whoever has put a method of its own there may take any text for UTF-8.
  else if (body.byteLength > ONE_WRITE_BYTES || to.end !== ServerResponse.prototype.end) to.end(body);
  // Text leaves with the head in one write, bytes in two. In latin1 each character is one byte, and the same.
  else to.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1"), "latin1");
}
