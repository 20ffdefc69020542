/** Claims that got no answer: they may have arrived, and would then hold the operation for a whole lease. */
import { HooklatchError } from "./errors.js";
import type { Claim, ClaimRequest, Held } from "./store.js";

export interface UnknownClaimsHost {
  claim: (request: ClaimRequest) => Promise<Claim>;
  /** Never rejects. */
  giveBack: (held: Held) => Promise<void>;
  leaseMs: number;
  /** The most that are looked after at once; the leases of the others run out by themselves. */
  most: number;
  pause: (ms: number) => Promise<unknown>;
  going: () => boolean;
}

/**
 * The sender was told 503. The same command, sent again, tells whether the claim arrived (its owner is recognised); what turns out to be
 * ours is handed back. The result never rejects.
 */
export function createUnknownClaims(host: UnknownClaimsHost): (request: ClaimRequest) => Promise<void> {
  let underWay = 0;
  return async (request) => {
    if (underWay >= host.most) return;
    underWay++;
    const until = performance.now() + host.leaseMs;
    try {
      for (let pauseMs = 100; performance.now() < until && host.going(); pauseMs *= 2) {
        await host.pause(Math.min(pauseMs, 5_000));
        try {
          const claim = await host.claim(request);
          if (claim.status === "claimed") await host.giveBack({ ...request, token: claim.token });
          return;
        } catch (error) {
          if (HooklatchError.is(error) && !error.retryable) return;
        }
      }
    } finally {
      underWay--;
    }
  };
}
