/** What a handler gets besides its input. */
import { derivedKey } from "./key.js";
import type { OperationId } from "./store.js";

export interface HandlerContext {
  readonly scope: string;
  readonly tenant?: string;
  readonly key: string;
  /** 1-based in this round, over all processes. */
  readonly attempt: number;
  /** Grows with each claim of this operation: pass it on to systems that can refuse an older one (fencing token). */
  readonly token: number;
  /** Aborted when the lease is or may be lost, `maxRunMs` is over, or `close()` gives up waiting. */
  readonly signal: AbortSignal;
  /** An operator put this operation back to work. */
  readonly replay: boolean;
  /**
   * A key for a call that the handler makes downstream, such as `stripe.charges.create(…, { idempotencyKey })`. The same for the same
   * step in every attempt, recovery and replay of this operation.
   */
  idempotencyKeyFor(step: string): string;
}

export interface ContextParts {
  id: OperationId;
  attempt: number;
  token: number;
  replay: boolean;
}

/** The context, and the means to abort its signal. The signal is made when the handler first asks for it. */
export function createContext(parts: ContextParts): {
  context: HandlerContext;
  abort(reason: unknown): void;
} {
  const { id, attempt, token, replay } = parts;
  let controller: AbortController | undefined;
  let aborted: { reason: unknown } | undefined;
  const context: HandlerContext = {
    scope: id.scope,
    ...(id.tenant === undefined ? {} : { tenant: id.tenant }),
    key: id.key,
    attempt,
    token,
    replay,
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (aborted !== undefined) controller.abort(aborted.reason);
      }
      return controller.signal;
    },
    idempotencyKeyFor: (step) => derivedKey(id, step),
  };
  return {
    context,
    abort(reason) {
      aborted ??= { reason };
      controller?.abort(reason);
    },
  };
}
