/** Which responses of guarded routes are streams, and pass through rather than be held. */

/** One whose end does not follow its beginning within this time. */
export const STREAM_AFTER_MS = 1_000;

/** One of server-sent events, by its `Content-Type`. */
export function isEventStream(type: unknown): boolean {
  return String(type).startsWith("text/event-stream");
}
