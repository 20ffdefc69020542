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

class Context implements HandlerContext {
  readonly scope: string;
  declare readonly tenant?: string;
  readonly key: string;
  readonly attempt: number;
  readonly token: number;
  readonly replay: boolean;
  readonly idempotencyKeyFor: (step: string) => string;
  #controller: AbortController | undefined;
  #aborted: { reason: unknown } | undefined;

  constructor({ id, attempt, token, replay }: ContextParts) {
    this.scope = id.scope;
    if (id.tenant !== undefined) this.tenant = id.tenant;
    this.key = id.key;
    this.attempt = attempt;
    this.token = token;
    this.replay = replay;
    this.idempotencyKeyFor = (step) => derivedKey(id, step);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  static abort(context: Context, reason: unknown): void {
    context.#aborted ??= { reason };
    context.#controller?.abort(reason);
  }
}

/** The context, and the means to abort its signal. The signal is made when the handler first asks for it. */
export function createContext(parts: ContextParts): {
  context: HandlerContext;
  abort(reason: unknown): void;
} {
  const context = new Context(parts);
  return { context, abort: (reason) => Context.abort(context, reason) };
}
