/** What an app can listen to. Hooklatch itself never prints anything. */
import type { OperationId } from "./store.js";

export interface IdempotencyEvents {
  /** An operation was claimed, and its handler is about to start. */
  claimed(event: OperationId & { token: number; attempt: number; recovered: boolean; replay: boolean }): void;
  /** A duplicate was answered with the stored result. */
  replayed(event: OperationId): void;
  /** An attempt failed, and another one follows after `delayMs`. */
  retried(event: OperationId & { attempt: number; delayMs: number; error: unknown }): void;
  /** A guarded route's response was not one to keep: its key is free again. `status`: of that response; absent: there was none. */
  released(event: OperationId & { token: number; status?: number | undefined }): void;
  completed(event: OperationId & { attempt: number; durationMs: number }): void;
  /** The result was over `maxResultBytes` or could not be encoded: the operation is completed without it. */
  resultNotKept(event: OperationId & { reason: unknown }): void;
  /** The attempts are exhausted. `deadLetterId`: the sink has it; absent with a sink: a worker goes on trying. */
  dead(event: OperationId & { attempt: number; error: unknown; deadLetterId?: string | undefined }): void;
  /** A run may have lost, or has lost, its claim to another owner. */
  leaseLost(event: OperationId & { token: number }): void;
  /**
   * A store operation failed for good or in the background; nothing was swallowed. `operation: "expired"`, `"count"`: the dead-letter queue did
   * not say which letters are over its limits, or what they hold; or how many it has.
   */
  storeError(event: { scope: string; operation: string; error: unknown }): void;
  /** The dead-letter sink refused a push or a removal. It will be tried again. */
  sinkError(event: OperationId & { error: unknown }): void;
  /** The scope has as many dead letters as one of `deadLetterThresholds`, or more. Once for each threshold, until there are fewer again. */
  deadLetterThreshold(event: { scope: string; letters: number; threshold: number }): void;
  /** A letter was over its queue's retention or maximum, and was discarded with its operation. */
  letterExpired(event: OperationId & { deadLetterId: string }): void;
  /** A delivery was refused before the claim: `verify`, a malformed key, a wrong tenant. HTTP only. */
  rejected(event: { scope: string; status: number; code: string; error: unknown }): void;
}

/** Every name, so that a misspelled listener is refused rather than never called. */
const NAMES: Record<keyof IdempotencyEvents, true> = {
  claimed: true,
  replayed: true,
  retried: true,
  completed: true,
  released: true,
  resultNotKept: true,
  dead: true,
  leaseLost: true,
  storeError: true,
  sinkError: true,
  deadLetterThreshold: true,
  letterExpired: true,
  rejected: true,
};
export const EVENT_NAMES: ReadonlySet<string> = new Set(Object.keys(NAMES));

export interface Emit {
  <Name extends keyof IdempotencyEvents>(name: Name, event: Parameters<IdempotencyEvents[Name]>[0]): void;
  /** Whether somebody listens: an event that nobody hears need not be made. */
  hears(name: keyof IdempotencyEvents): boolean;
}

/** Calls listeners so that one that throws, or rejects, harms nothing. */
export function emitter(listeners: Partial<IdempotencyEvents> | undefined): Emit {
  const emit = (name: keyof IdempotencyEvents, event: unknown): void => {
    try {
      const listener = listeners?.[name] as ((event: unknown) => unknown) | undefined;
      const result = listener?.(event);
      if (result instanceof Promise) result.catch(() => {});
    } catch {
      // A listener's failure is its own.
    }
  };
  return Object.assign(emit, {
    hears: (name: keyof IdempotencyEvents): boolean => listeners?.[name] !== undefined,
  });
}
