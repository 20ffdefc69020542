/** Taking a stuck operation away from whoever holds it. */
import type { IdempotencyStore, OperationId } from "./store.js";

/** How long a key that was taken over stays bound to its fingerprint. */
const RELEASED_RETENTION_MS = 24 * 60 * 60 * 1000;

export interface TakeOverOptions {
  store: IdempotencyStore;
  id: OperationId;
  /** The token that was seen; with another one by now it is `superseded`. */
  expectedToken: number;
  by?: string | undefined;
  note?: string | undefined;
}

/**
 * `scheduled`: its event is kept, and a worker runs it anew, in a round of its own. `released`: no event is kept, and the key is free for the next
 * request. `completed`, `superseded`, `not_found`: nothing was changed.
 */
export type TakenOver = { status: "scheduled" | "released" | "completed" | "superseded" | "not_found" };

/**
 * Takes an operation over, whatever state it is in: whoever ran it finds its writes refused. A handler that is running is not stopped by
 * this, so a second run may overlap it: use it for one that is known to hang.
 */
export async function takeOver(options: TakeOverOptions): Promise<TakenOver> {
  const { store, id, expectedToken, by, note } = options;
  const found = await store.get(id);
  if (found === undefined) return { status: "not_found" };
  if (found.state === "completed") return { status: "completed" };
  if (found.token !== expectedToken) return { status: "superseded" };
  if (found.event === undefined) {
    if (found.state === "released") return { status: "released" };
    const { owner, token } = found;
    // In its owner's name, so that it is refused once that one has come to an end.
    const released = await store.release({ id, owner, token, retentionMs: RELEASED_RETENTION_MS });
    return { status: released ? "released" : "superseded" };
  }
  const { status } = await store.schedule({
    id,
    replayId: globalThis.crypto.randomUUID(),
    delayMs: 0,
    expectedToken,
    expectedBornAt: found.bornAt,
    force: true,
    about: { ...(by && { by }), ...(note && { note }) },
  });
  return { status: status === "running" ? "superseded" : status };
}
