/**
 * Hooklatch's core: makes a webhook, HTTP or job handler safe to call twice, safe to crash and safe to fail.
 *
 * @module
 */
export { type Codec, jsonCodec } from "./codec.js";
export type { HandlerContext } from "./context.js";
export {
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type DeadLetterQueue,
  type DeadLetterSink,
  type DiscardOptions,
  discard,
  isNewer,
  type Replayed,
  type ReplayOptions,
  replay,
} from "./dead-letter.js";
export {
  type ErrorCode,
  type ErrorRecord,
  HooklatchError,
  type HooklatchErrorOptions,
  NonRetryableError,
  RetryAfterError,
} from "./errors.js";
export type { IdempotencyEvents } from "./events.js";
export { canonicalJson, canonicalJsonKey } from "./fingerprint.js";
export type { CloseOptions } from "./flow.js";
export { type Admission, createGuard, type Entry, type Guard } from "./guard.js";
export type { GuardOptions } from "./guard-options.js";
export type { GuardedRun } from "./guarded-run.js";
export type { HttpHandler, HttpHeaders, HttpHost, HttpRequest, HttpResponse } from "./http.js";
export { type IdempotentHandler, withIdempotency } from "./idempotency.js";
export { letterId, readIdempotencyKey, storageKey } from "./key.js";
export { checkLimits, type DeadLetterLimits } from "./letter-limits.js";
export { checkQuery, pageLimit } from "./letter-query.js";
export { type MemoryStoreOptions, memoryStore } from "./memory.js";
export { type MemoryDeadLettersOptions, memoryDeadLetters } from "./memory-letters.js";
export type { IdempotencyOptions, WorkerOptions } from "./options.js";
export type { Outcome } from "./outcome.js";
export { createReceiver, type Receiver, type ReceiverOptions, type WebhookHandler } from "./receiver.js";
export { respond, type WebhookReply } from "./reply.js";
export type { RetryOptions } from "./retry.js";
export type * from "./store.js";
export { readStoredEvent, type WebhookEvent } from "./webhook.js";
