/** What reading a body once, and peeking at it, have in common. */
import type { IncomingMessage } from "node:http";

/** What is read and thrown away after a body grew too large, so that the sender can read the answer before the connection closes. */
const DISCARD_BYTES = 1024 * 1024;

export function announcesBody(request: IncomingMessage): boolean {
  return (
    request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0
  );
}

/** The sender is gone, and the part of the body that nobody has read yet with it. */
export function losesBody(request: IncomingMessage): boolean {
  return request.destroyed && !request.readableEnded && announcesBody(request);
}

/** What a parser, or a route without a body, makes of one that was lost. */
const BODY_REFUSED: ReadonlySet<number> = new Set([400, 422]);

/**
 * A parser may have come too late for the body, and have refused the request, or let it through without one for the route to refuse: that is
 * no result. Any other status is the route's own, which never wanted the body.
 */
export function refusesLostBody(request: IncomingMessage, status: number): boolean {
  return BODY_REFUSED.has(status) && losesBody(request);
}

/** Reads a little more and throws it away; what is longer than that is cut off. */
export function discard(request: IncomingMessage): void {
  let left = DISCARD_BYTES;
  request.on("error", () => {});
  request.on("data", (chunk: Uint8Array) => {
    left -= chunk.byteLength;
    if (left < 0) request.destroy();
  });
}
