/** What a receiver process is told, as JSON in its environment, and what the events say that it receives. */
import type { Backend } from "./backend.js";
import type { BugName } from "./bugs.js";

export const CONFIG_VARIABLE = "FAULTS_APP";
export const SCOPE = "faults";

export interface AppTuning {
  leaseMs: number;
  pollMs: number;
  /** `never`: however long it takes, the answer waits for it. (JSON has no `Infinity`.) */
  respondWithinMs: number | "never";
  maxRunMs: number;
  maxAttempts: number;
  initialDelayMs: number;
  maxDelayMs: number;
  jitter: "full" | "none";
  redelivery: "rerun" | "ignore";
  drainMs: number;
  /** Default: a third of the lease. */
  storeTimeoutMs?: number;
}

export const TUNING: AppTuning = {
  leaseMs: 900,
  pollMs: 100,
  respondWithinMs: 150,
  maxRunMs: 20_000,
  maxAttempts: 4,
  initialDelayMs: 40,
  maxDelayMs: 300,
  jitter: "full",
  redelivery: "ignore",
  drainMs: 5_000,
};

export interface AppConfig extends AppTuning {
  name: string;
  backend: Backend;
  ledger: string;
  /** `verb:before`, `verb:after`, `handler:start` or `handler:effect`; `…:3` for the third time that it comes there. */
  crashAt?: string;
  bug?: BugName;
}

/** An event: its body says what its handler will do. */
export interface FaultEvent {
  id: string;
  /** How long the handler takes; the effect happens half-way. */
  ms: number;
  /** Attempts up to this one fail. */
  fails?: number;
  /** The handler ends its process at every start. */
  aborts?: boolean;
}
