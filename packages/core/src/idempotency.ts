/** `withIdempotency` for any function: its identity, its input and its result as bytes. The flow itself is `flow.ts`. */
import { type Codec, jsonCodec } from "./codec.js";
import type { HandlerContext } from "./context.js";
import { HooklatchError } from "./errors.js";
import { canonicalJson, fingerprintOf } from "./fingerprint.js";
import { type CloseOptions, createFlow } from "./flow.js";
import { extractFingerprint, extractPart } from "./key.js";
import { type IdempotencyOptions, resolveOptions, type Settings } from "./options.js";
import type { Outcome } from "./outcome.js";
import type { OperationId } from "./store.js";

export interface IdempotentHandler<Input, Output> {
  /**
   * Runs the handler, or answers with what an earlier run of the same operation ended with.
   *
   * @throws {HooklatchError} before anything ran or was stored: `invalid_key`, `invalid_tenant`, `not_encodable`, `closed`,
   *   `store_unavailable`, `store_timeout`. Whatever the handler throws becomes an outcome, never a rejection.
   */
  (input: Input): Promise<Outcome<Output>>;
  /** Starts the worker. Happens by itself at the first call; call it at boot where no call may come. */
  start(): void;
  /**
   * Refuses new calls, waits for running handlers for `drainMs` (default 10 000), then hands back what is between attempts. A handler
   * that still runs is aborted and keeps its lease until that runs out.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Makes a function safe to call twice, safe to crash and safe to fail.
 *
 * At most one completion is recorded per operation. A second run starts only after a lease ran out, an attempt failed or overran
 * `maxRunMs`, a dead operation was called again, or an operator replayed it.
 *
 * @example
 * const charge = withIdempotency(chargeCard, { store: sqliteStore("events.db"), scope: "charge", key: (order) => order.id });
 * const outcome = await charge(order);
 *
 * @throws {HooklatchError} `invalid_option`; `scope_in_use` when another live handler has this scope on this store object
 */
export function withIdempotency<Input, Output>(
  handler: (input: Input, context: HandlerContext) => Output | Promise<Output>,
  options: IdempotencyOptions<Input>,
): IdempotentHandler<Input, Output> {
  if (typeof handler !== "function") {
    throw new HooklatchError(
      "invalid_option",
      "The handler must be a function: withIdempotency(handler, options).",
    );
  }
  const settings = resolveOptions(options);
  const codec = (settings.codec as Codec<Input, Output> | undefined) ?? jsonCodec<Input, Output>();
  const flow = createFlow(handler, settings, codec);
  const call = async (input: Input): Promise<Outcome<Output>> => {
    const arrivedAt = performance.now();
    const ended = await flow.deliver({
      ...identify(settings, input),
      event: encodeInput(codec, input),
      arrivedAt,
    });
    switch (ended.status) {
      case "completed": {
        const { bytes, replayed, attempts } = ended;
        if (bytes === null) return { status: "completed", kept: false, replayed, attempts };
        // Decoded for the first caller too, so that it sees what a duplicate will see.
        return { status: "completed", kept: true, value: codec.decodeOutput(bytes), replayed, attempts };
      }
      case "dead": {
        const { error, deadLetterId, replayed } = ended;
        return { status: "dead", error, replayed, ...(deadLetterId === undefined ? {} : { deadLetterId }) };
      }
      default:
        return ended;
    }
  };
  return Object.assign(call, { start: flow.start, close: flow.close });
}

function encodeInput<Input>(codec: Pick<Codec<Input>, "encodeInput">, input: Input): Uint8Array {
  try {
    return codec.encodeInput(input);
  } catch (cause) {
    if (HooklatchError.is(cause)) throw cause;
    throw new HooklatchError("not_encodable", "The codec cannot encode this input.", { cause });
  }
}

function identify<Input>(
  settings: Settings<Input>,
  input: Input,
): { id: OperationId; fingerprint: string | undefined } {
  const tenant = settings.tenant && extractPart(settings.tenant, input, "tenant");
  const key = settings.key ? extractPart(settings.key, input, "key") : fingerprintOf(canonicalJson(input));
  return {
    id: { scope: settings.scope, ...(tenant === undefined ? {} : { tenant }), key },
    fingerprint: settings.fingerprint ? extractFingerprint(settings.fingerprint, input) : undefined,
  };
}
