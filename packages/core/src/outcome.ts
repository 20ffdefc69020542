/** How a call of an idempotent handler can end. */
import type { ErrorRecord } from "./errors.js";

export type Outcome<Output> =
  /** There is one completion, and this is its result. `replayed`: by an earlier run. `attempts`: 0 when replayed. */
  | { status: "completed"; kept: true; value: Output; replayed: boolean; attempts: number }
  /** The result was over `maxResultBytes` or could not be encoded. The operation never runs again. */
  | { status: "completed"; kept: false; replayed: boolean; attempts: number }
  /** Ours and stored: not finished within `respondWithinMs`, or waiting for its next attempt. */
  | { status: "accepted"; retryAfterMs: number }
  /** Another owner has it. `stored`: its event is kept, so it will end even if that owner dies. */
  | { status: "running"; stored: boolean; retryAfterMs: number }
  /** This run lost its claim, and no completion is known. */
  | { status: "lost"; retryAfterMs: number }
  /** The attempts are exhausted. `deadLetterId`: the sink confirmed its letter. `replayed`: it was dead before this call. */
  | { status: "dead"; error: ErrorRecord; deadLetterId?: string; replayed: boolean }
  /** The key was used with another fingerprint. */
  | { status: "mismatch" };
