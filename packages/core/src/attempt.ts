/** One attempt: the handler, running, until it ends, its time is over, or its claim is lost. */
import { type ContextParts, createContext, type HandlerContext } from "./context.js";
import type { Deadline, Deadlines } from "./deadlines.js";
import { HooklatchError, toErrorRecord } from "./errors.js";
import type { AttemptRecord } from "./store.js";
import { isThenable } from "./thenable.js";

export class Success<Output> {
  constructor(
    readonly value: Output,
    readonly ended: AttemptRecord,
  ) {}
}

export class AttemptFailure {
  constructor(
    readonly error: unknown,
    readonly ended: AttemptRecord,
  ) {}
}

/** `lost`: somebody else has the claim. `not started`: `close()` gave up just before. */
export type AttemptEnd<Output> = Success<Output> | AttemptFailure | "lost" | "not started";

export class Attempt<Output> {
  readonly context: HandlerContext;
  readonly abort: (reason: unknown) => void;
  readonly #startedAt = Date.now();
  readonly #from = performance.now();
  #limit: Deadline | undefined;
  /** A handler that ends late is ignored. */
  #over = false;

  constructor(
    private readonly parts: ContextParts,
    private readonly owner: string,
    private readonly onEnd: (end: AttemptEnd<Output>) => void,
  ) {
    const { context, abort } = createContext(parts);
    this.context = context;
    this.abort = abort;
  }

  limit(limits: Deadlines, maxRunMs: number): void {
    this.#limit = limits.start(() => {
      const text = `The attempt ran for longer than maxRunMs (${maxRunMs} ms).`;
      this.#fail(new HooklatchError("max_run_exceeded", text, { retryable: true }));
    });
  }

  run(handler: () => Output | Promise<Output>): void {
    let value: Output | Promise<Output>;
    try {
      value = handler();
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (isThenable(value))
      Promise.resolve(value).then(
        (done) => this.#succeed(done),
        (error) => this.#fail(error),
      );
    else this.#succeed(value);
  }

  /** The claim is somebody else's. What the handler was told, and whether it listens, makes no difference. */
  lose(): void {
    if (this.#end()) this.onEnd("lost");
  }

  #succeed(value: Output): void {
    if (this.#end()) this.onEnd(new Success(value, this.#record()));
  }

  #fail(error: unknown): void {
    if (!this.#end()) return;
    this.abort(error);
    const why = toErrorRecord(error ?? new Error("The handler threw `undefined`."));
    this.onEnd(new AttemptFailure(error, { ...this.#record(), error: why }));
  }

  #end(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#limit?.end();
    return true;
  }

  #record(): AttemptRecord {
    const durationMs = Math.round(performance.now() - this.#from);
    return { attempt: this.parts.attempt, startedAt: this.#startedAt, durationMs, owner: this.owner };
  }
}
