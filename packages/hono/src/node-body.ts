/**
 * The body of a request on Node's server, read once, and left for everybody who reads it later.
 *
 * Elsewhere a request is cloned for that. `@hono/node-server` has no Fetch request, and no stream, until somebody asks for one: to clone it
 * would cost more than all the rest that a guard does. It takes the body from `rawBody` where there is one (as on Google Cloud Functions).
 */
import { aborted } from "@hooklatch/core/web";
import type { Context } from "hono";

/** What is used of Node's `IncomingMessage`. */
interface Incoming {
  readonly readableDidRead: boolean;
  readonly destroyed: boolean;
  readonly errored: Error | null;
  readonly readableEnded: boolean;
  rawBody?: Uint8Array;
  on(event: "data", listener: (chunk: Uint8Array) => void): Incoming;
  on(event: "end" | "error" | "close", listener: (cause?: unknown) => void): Incoming;
}

/** How to read it; `undefined`: this is another host, or it has no length, or more than `maxBytes`, or somebody has begun to read it. */
export function nodeBody(c: Context, maxBytes: number): (() => Promise<Uint8Array>) | undefined {
  const { incoming } = (c.env ?? {}) as { incoming?: Incoming };
  if (incoming === undefined || !isUnread(incoming)) return undefined;
  const length = Number(c.req.header("content-length") ?? Number.NaN);
  return length <= maxBytes ? () => read(incoming, length) : undefined;
}

/** HTTP/2, and hosts that make up their requests, are left alone. */
function isUnread(incoming: Incoming): boolean {
  return incoming.readableDidRead === false && incoming.rawBody === undefined && !("stream" in incoming);
}

/** Node gives no more, and no less, than was announced. */
function read(incoming: Incoming, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const body = Buffer.allocUnsafeSlow(length);
    let at = 0;
    const onGone = (cause?: unknown): void => {
      if (!incoming.readableEnded) reject(aborted(cause));
    };
    if (incoming.destroyed) return onGone(incoming.errored ?? undefined);
    incoming
      .on("data", (chunk) => {
        body.set(chunk, at);
        at += chunk.byteLength;
      })
      .on("end", () => {
        incoming.rawBody = body;
        resolve(body);
      })
      .on("error", onGone)
      .on("close", onGone);
  });
}
