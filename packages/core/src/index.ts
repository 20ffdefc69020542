/**
 * Hooklatch's core: makes a webhook, HTTP or job handler safe to call twice, safe to crash and safe to fail.
 *
 * @module
 */
export {
  type Activity,
  type ActivityCounts,
  type ActivityStep,
  recordActivity,
  type ScopeActivity,
} from "./activity.js";
export {
  type BatchItem,
  type BatchOptions,
  type BatchStep,
  type DiscardManyStatus,
  discardMany,
  type ReplayManyOptions,
  type ReplayManyStatus,
  replayMany,
} from "./batch.js";
export { sameBytes, utf8In } from "./bytes.js";
export { closedFilter } from "./closed-filter.js";
export { type Codec, jsonCodec } from "./codec.js";
export type { HandlerContext } from "./context.js";
export {
  type DeadLetter,
  type DeadLetterPage,
  type DeadLetterQuery,
  type DeadLetterQueue,
  type DeadLetterSink,
  isNewer,
  operationOf,
} from "./dead-letter.js";
export { type Discarded, type DiscardOptions, discard, discardLetter } from "./discard.js";
export { changesBetween, deliveredIn, withBody } from "./edit.js";
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
export {
  type HttpHandler,
  type HttpHeaders,
  type HttpHost,
  type HttpRequest,
  type HttpResponse,
  json,
  type Problem,
  problem,
} from "./http.js";
export { type IdempotentHandler, withIdempotency } from "./idempotency.js";
export { letterId, readIdempotencyKey, storageKey } from "./key.js";
export { checkLimits, type DeadLetterLimits } from "./letter-limits.js";
export {
  type BytesAsJson,
  bytesToJson,
  type Imported,
  type ImportOptions,
  importLetter,
  letterFromLine,
  letterToLine,
} from "./letter-lines.js";
export { checkQuery, foldText, pageLimit, textOf } from "./letter-query.js";
export { type LetterFilter, letterPages } from "./letter-walk.js";
export { type MemoryStoreOptions, memoryStore } from "./memory.js";
export { type MemoryDeadLettersOptions, memoryDeadLetters } from "./memory-letters.js";
export type { IdempotencyOptions, WorkerOptions } from "./options.js";
export type { Outcome } from "./outcome.js";
export { createReceiver, type Receiver, type ReceiverOptions, type WebhookHandler } from "./receiver.js";
export { type Replayed, type ReplayOptions, replay, replayLetter } from "./replay.js";
export { respond, type WebhookReply } from "./reply.js";
export type { RetryOptions } from "./retry.js";
export type * from "./store.js";
export { type TakenOver, type TakeOverOptions, takeOver } from "./take-over.js";
export { readStoredEvent, type WebhookEvent, withoutCredentials } from "./webhook.js";
