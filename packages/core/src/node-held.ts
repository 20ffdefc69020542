/** Takes over methods of a response, looks sent meanwhile, and gives everything back. */
import { ServerResponse } from "node:http";
import { chunkOf, isChunk } from "./node-written.js";

/** Fields of `ServerResponse` that say how far it is. `_header` is private, but what all middleware looks at. */
export type Progress = { _header: string | null; finished: boolean };

const TAKEN = ["writeHead", "write", "end", "flushHeaders", "destroy", "writableEnded"] as const;

/** Gives back what it has found: whatever a middleware that was mounted before, or another guard, has put there. */
export function takeOver(response: ServerResponse): () => void {
  const before = TAKEN.map((name) => Object.getOwnPropertyDescriptor(response, name));
  return () => {
    TAKEN.forEach((name, n) => {
      const own = before[n];
      if (own) Object.defineProperty(response, name, own);
      else delete (response as { [name in (typeof TAKEN)[number]]?: unknown })[name];
    });
  };
}

/** `finished` itself stays false: by it Node takes a connection for idle, and `server.close()` would cut it. */
export function looksEnded(response: ServerResponse, ended: () => boolean): void {
  const progress = response as unknown as Progress;
  Object.defineProperty(response, "writableEnded", {
    configurable: true,
    get: () => ended() || progress.finished,
  });
}

/** What Node says to those who write to a response that has ended. */
export function writeAgain(response: ServerResponse, args: readonly unknown[]): boolean {
  return asEnded(response, () => ServerResponse.prototype.write.apply(response, args as never));
}

/** What Node says to those who end it a second time. */
export function endAgain(response: ServerResponse, args: readonly unknown[]): ServerResponse {
  if (isChunk(args[0]))
    return asEnded(response, () => ServerResponse.prototype.end.apply(response, args as never));
  const { callback } = chunkOf(args);
  if (callback) response.once("finish", callback);
  return response;
}

/** Node's own refusal. Not by way of who was mounted before: to them it has not ended yet. */
function asEnded<T>(response: ServerResponse, refuse: () => T): T {
  const progress = response as unknown as Progress;
  const { finished } = progress;
  progress.finished = true;
  try {
    return refuse();
  } finally {
    progress.finished = finished;
  }
}
