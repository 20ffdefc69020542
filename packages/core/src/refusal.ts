/** What a request is answered that was refused before its claim, or could not be claimed. */
import { HooklatchError } from "./errors.js";
import { type HttpResponse, problem } from "./http.js";

export interface Refusal {
  status: number;
  code: string;
  response: HttpResponse;
}

const STORE_AWAY = { status: 503, title: "The store is not available", tellDetail: false };

const ANSWERS: Partial<Record<string, { status: number; title: string; tellDetail: boolean }>> = {
  invalid_key: { status: 400, title: "Idempotency-Key is malformed or missing", tellDetail: true },
  invalid_tenant: { status: 400, title: "The tenant of the request is unknown", tellDetail: true },
  invalid_json: { status: 400, title: "The body is not JSON", tellDetail: true },
  body_too_large: { status: 413, title: "The body is too large", tellDetail: true },
  unsupported_encoding: { status: 415, title: "The body is compressed", tellDetail: true },
  body_already_read: { status: 500, title: "The body was read before", tellDetail: true },
  wait_until_missing: { status: 500, title: "The host would stop the work", tellDetail: true },
  closed: { status: 503, title: "The receiver is shutting down", tellDetail: false },
  store_closed: STORE_AWAY,
  store_unavailable: STORE_AWAY,
  store_timeout: STORE_AWAY,
  store_busy: STORE_AWAY,
  store_not_durable: STORE_AWAY,
  store_not_replicated: STORE_AWAY,
};

export function refusalOf(error: unknown): Refusal {
  const known = HooklatchError.is(error) ? ANSWERS[error.code] : undefined;
  if (known === undefined || !HooklatchError.is(error)) {
    const code = HooklatchError.is(error) ? error.code : "internal_error";
    const response = problem({
      status: 500,
      code,
      title: "The request could not be received",
      detail: "It failed before anything was stored. Send it again later.",
      retryable: true,
    });
    return { status: 500, code, response };
  }
  const { status, title, tellDetail } = known;
  const response = problem({
    status,
    code: error.code,
    title,
    detail: tellDetail ? error.message : "Nothing was run. Send it again later.",
    retryable: status === 503 || error.retryable,
    retryAfterMs: status === 503 ? 1_000 : undefined,
  });
  return { status, code: error.code, response };
}

/** The same key came with another payload (draft-ietf-httpapi-idempotency-key-header-07 §2.7). */
export function keyReused(): HttpResponse {
  return problem({
    status: 422,
    code: "key_reused",
    title: "Idempotency-Key is already used",
    detail: "This key was used with another payload. Use a new key for a new request.",
    retryable: false,
  });
}

/** Another run of the operation has not ended, or nobody knows how it did. */
export function outcomeUnknown(
  code: "not_stored" | "claim_lost" | "outcome_unknown",
  retryAfterMs: number,
): HttpResponse {
  return problem({
    status: 503,
    code,
    title: "The outcome is not known yet",
    detail: "A run of this operation has not ended, or its end is not confirmed. Send it again later.",
    retryable: true,
    retryAfterMs,
  });
}

/** draft-ietf-httpapi-idempotency-key-header-07 §2.7. */
export function keyMissing(): HttpResponse {
  return problem({
    status: 400,
    code: "key_missing",
    title: "Idempotency-Key is missing",
    detail: "This operation is idempotent and needs an Idempotency-Key header, unique for each request.",
    retryable: false,
  });
}

/** The first request under this key has not ended (the same, §2.7). */
export function inProgress(retryAfterMs: number): HttpResponse {
  return problem({
    status: 409,
    code: "request_in_progress",
    title: "A request is outstanding for this Idempotency-Key",
    detail:
      "The first request with this key is still being worked on. Send it again later, with the same key.",
    retryable: true,
    retryAfterMs,
  });
}

/** The operation is completed, and there is nothing to replay: running it again would be a second run. */
export function notKept(): HttpResponse {
  return problem({
    status: 409,
    code: "result_not_kept",
    title: "The request was completed, and its response was not kept",
    detail: "It has been carried out and will not be again. Its response was streamed, or too large to keep.",
    retryable: false,
  });
}
