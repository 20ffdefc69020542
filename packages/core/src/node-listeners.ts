/** Whoever listens to a request body already must neither see it twice nor alone. */
import type { IncomingMessage } from "node:http";
import { isUntouched } from "./node-peek.js";

/**
 * Keeps a body of which nothing has been read from flowing to those who listen to it already: peeking would show it to them a first time,
 * and while the key is claimed it would pass by those who come later, as a parser behind the guard. Gives back what ends that: then
 * everybody who listens sees it from its beginning, at the earliest after the current turn.
 */
export function holdListeners(request: IncomingMessage): () => void {
  const listeners = request.rawListeners("data") as ((chunk: unknown) => void)[];
  if (listeners.length === 0 || !isUntouched(request)) return () => {};
  const wasFlowing = request.readableFlowing === true;
  for (const listener of listeners) request.off("data", listener);
  // Without listeners it would flow into nothing.
  request.pause();
  return () => {
    // As they were: those of `once` are wrapped, and come off by themselves.
    for (const listener of listeners) request.on("data", listener);
    if (wasFlowing) request.resume();
    // Peeking has let it forget that somebody had paused it.
    else request.pause();
  };
}
