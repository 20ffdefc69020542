import type { GuardOptions } from "@hooklatch/core";
import { type ExpressRequest, idempotency } from "@hooklatch/express";

/** draft-ietf-httpapi-idempotency-key-header-07: the key is required, and a retry gets "the result of the previously completed operation, success or an error". */
export const ietfDraft = (options: Pick<GuardOptions<ExpressRequest>, "store" | "scope" | "tenant" | "on">) =>
  idempotency({ ...options, methods: ["POST", "PATCH"], required: true, shouldStore: () => true });
