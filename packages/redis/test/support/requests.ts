/** Requests that are the same in all tests but for what a test is about. */
import type { ClaimRequest, DeadLetter, Held, IdempotencyStore } from "@hooklatch/core";

let owners = 0;

export function claimOf(key: string, more: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    id: { scope: "s", key },
    owner: `owner ${++owners}`,
    leaseMs: 60_000,
    event: new TextEncoder().encode(`event of ${key}`),
    redelivery: "rerun",
    redeliveryAfterMs: 60_000,
    ...more,
  };
}

/** Claims what must be there to be claimed. */
export async function holding(store: IdempotencyStore, request: ClaimRequest): Promise<Held> {
  const claim = await store.claim(request);
  if (claim.status !== "claimed") throw new Error(`claim answered ${JSON.stringify(claim)}`);
  return { id: request.id, owner: request.owner, token: claim.token };
}

export function completionOf(held: Held, result: Uint8Array | null = null) {
  return { ...held, result, retentionMs: 60_000 };
}

export function letterOf(key: string, more: Partial<DeadLetter> = {}): DeadLetter {
  return {
    id: `id of ${key}`,
    scope: "s",
    key,
    bornAt: 1,
    token: 1,
    event: new TextEncoder().encode(key),
    error: { name: "Error", message: "no" },
    attempts: [],
    rounds: 1,
    firstFailedAt: 1,
    diedAt: 2,
    ...more,
  };
}
