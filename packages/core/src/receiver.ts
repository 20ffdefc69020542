/** The receiver: HTTP in, the flow, HTTP out (DESIGN.md §8), for a handler that can be run again. */
import { tooLarge } from "./body-errors.js";
import type { HandlerContext } from "./context.js";
import { HooklatchError, RetryAfterError } from "./errors.js";
import { emitter } from "./events.js";
import { fingerprintOf } from "./fingerprint.js";
import { type CloseOptions, createFlow, type FlowOutcome } from "./flow.js";
import {
  type HttpHandler,
  type HttpHost,
  type HttpRequest,
  type HttpResponse,
  json,
  problem,
  retryAfterSeconds,
} from "./http.js";
import { extractFingerprint, extractPart, readIdempotencyKey } from "./key.js";
import { functionOr, type IdempotencyOptions, number, resolveOptions } from "./options.js";
import { keyReused, outcomeUnknown, refusalOf } from "./refusal.js";
import { decodeReply, encodeReply, REPLAYED_MARK, type Reply, replayOf, replyOf } from "./reply.js";
import { isThenable } from "./thenable.js";
import {
  asStored,
  encodeEvent,
  eventCodec,
  type WebhookEvent,
  webhookEvent,
  withoutCredentials,
} from "./webhook.js";

/**
 * Handles one event. Return nothing for `200 {"status":"ok"}`, a plain value for `200` with it as JSON, or `respond(…)`; throw to fail
 * the attempt.
 */
export type WebhookHandler = (event: WebhookEvent, context: HandlerContext) => unknown;

export interface ReceiverOptions extends Omit<IdempotencyOptions<WebhookEvent>, "codec"> {
  /**
   * The idempotency key. Default: the `Idempotency-Key` header, else the hash of the raw body. One of your own that gives `undefined`
   * refuses the delivery with `400`.
   */
  key?: ((event: WebhookEvent) => string | undefined) | undefined;
  /**
   * Default: the raw body when the key came from `Idempotency-Key`. None with a `key` of your own, because senders change bodies between
   * deliveries of one event.
   */
  fingerprint?: ((event: WebhookEvent) => string | Uint8Array) | false | undefined;
  /** Checks the sender, before anything is stored. A throw answers `401`; a `RetryAfterError` answers `503`. */
  verify?: ((event: WebhookEvent) => void | Promise<void>) | undefined;
  /** A longer body answers `413`. Default: 1 048 576 (1 MiB). */
  maxBodyBytes?: number | undefined;
  /**
   * Replaces parts of the event before the handler and the store see it; `verify`, `key`, `tenant` and `fingerprint` see the original. It is
   * given the event without its credentials, which are always dropped: the headers `authorization`, `cookie`, `proxy-authorization`,
   * `x-api-key`, `x-gitlab-token`, and signatures once `verify` used them.
   */
  redact?: ((event: WebhookEvent) => Partial<Pick<WebhookEvent, "url" | "headers" | "body">>) | undefined;
  /** Answer for an event whose dead letter the sink has confirmed. Default: 200. */
  deadLetterStatus?: number | undefined;
}

export interface Receiver extends HttpHandler {
  /** Starts the worker. Happens by itself at the first delivery; call it at boot where no delivery may come. */
  start(): void;
  /** See `IdempotentHandler.close`. Deliveries are answered `503` from now on. */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Receives webhooks: claims and keeps each event, runs the handler with retries, and answers in time.
 *
 * A 2xx is only ever sent for a stored completion, for an event that the store keeps, or for a letter that the sink confirmed.
 *
 * @throws {HooklatchError} `invalid_option`; `scope_in_use` when another live handler has this scope on this store object
 */
export function createReceiver(handler: WebhookHandler, options: ReceiverOptions): Receiver {
  if (typeof handler !== "function") {
    throw new HooklatchError(
      "invalid_option",
      "The handler must be a function: createReceiver(handler, options).",
    );
  }
  const { verify, redact, maxBodyBytes, deadLetterStatus, ...flowOptions } = options ?? {};
  if ("codec" in flowOptions) {
    throw new HooklatchError(
      "invalid_option",
      "Option `codec` is wrong: a receiver keeps events in its own form; leave it out.",
    );
  }
  functionOr(verify, "verify", undefined);
  functionOr(redact, "redact", undefined);
  const bodyLimit = number(maxBodyBytes, "maxBodyBytes", 1_048_576, 0, 2 ** 30, "whole");
  const deadStatus = number(deadLetterStatus, "deadLetterStatus", 200, 200, 599, "whole");
  const settings = resolveOptions<WebhookEvent>(flowOptions);
  const emit = emitter(settings.on);
  const flow = createFlow<WebhookEvent, Reply>(
    (event, context) => {
      const returned = handler(event, context);
      return isThenable(returned) ? Promise.resolve(returned).then(replyOf) : replyOf(returned);
    },
    settings,
    {
      ...eventCodec,
      encodeOutput: encodeReply,
      decodeOutput: decodeReply,
    },
  );

  /** Throws, or rejects, with what refuses the delivery. */
  function receive(request: HttpRequest, host: HttpHost): Promise<HttpResponse> {
    const arrivedAt = host.arrivedAt ?? performance.now();
    if (request.body.byteLength > bodyLimit) throw tooLarge(bodyLimit);
    if (settings.respondWithinMs !== Infinity && host.waitUntil === undefined && host.stopsAfterResponse) {
      throw new HooklatchError(
        "wait_until_missing",
        "This host stops after the response: with `respondWithinMs`, give the adapter the host's `waitUntil`.",
      );
    }
    const event = webhookEvent({ ...request, receivedAt: new Date() });
    if (verify === undefined) return accept(event, arrivedAt, host);
    return verified(verify, event).then((refusal) => refusal ?? accept(event, arrivedAt, host));
  }

  async function verified(
    check: NonNullable<typeof verify>,
    event: WebhookEvent,
  ): Promise<HttpResponse | undefined> {
    try {
      await check(event);
      return undefined;
    } catch (error) {
      return refused(error);
    }
  }

  function accept(event: WebhookEvent, arrivedAt: number, host: HttpHost): Promise<HttpResponse> {
    const { id, fingerprint } = identify(event);
    const kept = redacted(event);
    const delivery = {
      id,
      fingerprint,
      event: encodeEvent(kept),
      input: () => asStored(kept),
      arrivedAt,
      host,
    };
    return flow.deliver(delivery).then(responseTo);
  }

  function identify(event: WebhookEvent) {
    const tenant = settings.tenant && extractPart(settings.tenant, event, "tenant");
    const header = settings.key === undefined ? readIdempotencyKey(event.headers) : undefined;
    const key = settings.key ? extractPart(settings.key, event, "key") : (header ?? derivedFrom(event.body));
    const own = settings.fingerprint ? extractFingerprint(settings.fingerprint, event) : undefined;
    const byHeader =
      header !== undefined && settings.fingerprint === undefined ? fingerprintOf(event.body) : undefined;
    return {
      id: { scope: settings.scope, ...(tenant === undefined ? {} : { tenant }), key },
      fingerprint: own ?? byHeader,
    };
  }

  function redacted(event: WebhookEvent): WebhookEvent {
    // Not the framework's request: a recovered run could not have it (every run sees the same).
    const { method, url, basePath, body, receivedAt } = event;
    const headers = withoutCredentials(event.headers, verify !== undefined);
    const safe = webhookEvent({ method, url, basePath, headers, body, receivedAt });
    if (redact === undefined) return safe;
    const instead: unknown = redact(safe);
    if (instead instanceof Promise) {
      instead.catch(() => {});
      throw new TypeError("`redact` must not be asynchronous: its parts would not be there in time.");
    }
    // Made anew, so that `text()` and `json()` read the body that is kept.
    return webhookEvent({ ...safe, ...(instead as Partial<WebhookEvent> | undefined) });
  }

  function refused(error: unknown): HttpResponse {
    const busy = RetryAfterError.is(error);
    const [status, code] = busy
      ? ([503, "verify_unavailable"] as const)
      : ([401, "verification_failed"] as const);
    emit("rejected", { scope: settings.scope, status, code, error });
    return problem({
      status,
      code,
      title: busy ? "The event cannot be verified now" : "The event could not be verified",
      // Nothing of the error: it may tell an attacker what a valid signature looks like.
      detail: busy
        ? "Deliver it again later."
        : "Its signature or credentials were not accepted. Nothing was stored.",
      retryable: busy,
      retryAfterMs: busy ? error.retryAfterMs : undefined,
    });
  }

  function responseTo(outcome: FlowOutcome<Reply>): HttpResponse {
    switch (outcome.status) {
      case "completed": {
        if (!outcome.replayed && outcome.value !== undefined) return outcome.value.response;
        return replayed(outcome.bytes);
      }
      case "accepted":
        return processing(outcome.retryAfterMs);
      case "running":
        return outcome.stored
          ? processing(outcome.retryAfterMs)
          : outcomeUnknown("not_stored", outcome.retryAfterMs);
      case "lost":
        return outcomeUnknown("claim_lost", outcome.retryAfterMs);
      case "mismatch":
        return keyReused();
      case "dead":
        return dead(outcome);
    }
  }

  function dead({
    deadLetterId,
    letterOwed,
  }: {
    deadLetterId?: string | undefined;
    letterOwed: boolean;
  }): HttpResponse {
    if (deadLetterId !== undefined) return json(deadStatus, { status: "dead_lettered", id: deadLetterId });
    // The store keeps the event and owes the sink its letter: a worker goes on trying.
    if (letterOwed) return processing(settings.leaseMs);
    return problem({
      status: 500,
      code: "attempts_exhausted",
      title: "The event could not be handled",
      detail: "Every attempt failed. The event is kept as dead; deliver it again later to run it again.",
      retryable: settings.redelivery === "rerun",
    });
  }

  function failed(error: unknown): HttpResponse {
    const { status, code, response } = refusalOf(error);
    emit("rejected", { scope: settings.scope, status, code, error });
    return response;
  }

  return {
    maxBodyBytes: bodyLimit,
    start: flow.start,
    close: flow.close,
    handle(request, host = {}) {
      try {
        return receive(request, host).catch(failed);
      } catch (error) {
        return Promise.resolve(failed(error));
      }
    },
  };
}

/** The dot cannot be in an `Idempotency-Key`, so that nobody can take the key of somebody else's body with a header. */
function derivedFrom(body: Uint8Array): string {
  return `body·sha256:${fingerprintOf(body)}`;
}

function replayed(bytes: Uint8Array | null): HttpResponse {
  return replayOf(bytes) ?? json(200, { status: "duplicate" }, REPLAYED_MARK);
}

function processing(retryAfterMs: number): HttpResponse {
  return json(202, { status: "processing" }, { "retry-after": retryAfterSeconds(retryAfterMs) });
}
