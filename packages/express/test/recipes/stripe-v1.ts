import { type GuardOptions, HooklatchError } from "@hooklatch/core";
import { type ExpressRequest, idempotency } from "@hooklatch/express";

/** Stripe's policy (API v1): once the route has begun, its answer is final, also a 500. Mount it behind authentication and rate limits. */
export const stripeV1 = (options: Pick<GuardOptions<ExpressRequest>, "store" | "scope" | "on">) =>
  idempotency({
    ...options,
    methods: ["POST"],
    tenant(request) {
      const { authorization } = request.headers;
      if (authorization === undefined) throw new HooklatchError("invalid_tenant", "An API key is needed.");
      return authorization;
    },
    // Refused before the route really began, wherever that happens.
    shouldStore: (status) => ![401, 409, 429].includes(status),
    retentionMs: 24 * 60 * 60 * 1000,
  });
