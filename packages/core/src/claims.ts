/** Sends claims. One that got no answer may have arrived, and would then hold the operation for a whole lease: it is handed back. */
import { HooklatchError } from "./errors.js";
import type { Claim, ClaimRequest, Held } from "./store.js";

export interface ClaimsHost {
  /** One call to the store, resends included. */
  claim: (request: ClaimRequest) => Promise<Claim>;
  /** Never rejects. */
  giveBack: (held: Held) => Promise<void>;
  leaseMs: number;
  /** The most without an answer that are looked after at once; the leases of the others run out by themselves. */
  most: number;
  pause: (ms: number) => Promise<unknown>;
  going: () => boolean;
  /** Keeps an eye on what goes on in the background. */
  track: (work: Promise<void>) => unknown;
  onError: (error: unknown) => void;
}

/** The result rejects where the store gave no answer; the caller tells its sender to come again. */
export function createClaims(host: ClaimsHost): (request: ClaimRequest) => Promise<Claim> {
  let unknown = 0;

  /**
   * The sender was told 503. The same command, sent again, tells whether the claim arrived (its owner is recognised); what turns out to be
   * ours is handed back. Never rejects.
   */
  async function handBackUnknown(request: ClaimRequest): Promise<void> {
    if (unknown >= host.most) return;
    unknown++;
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
      unknown--;
    }
  }

  return async (request) => {
    try {
      return await host.claim(request);
    } catch (error) {
      host.onError(error);
      if (HooklatchError.is(error) && error.retryable) host.track(handBackUnknown(request));
      throw error;
    }
  };
}
