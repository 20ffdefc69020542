/** What a suite needs from you, and what it gives back. */
import type { DeadLetterLimits, DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";

/** One promise of a contract. `run` rejects, with an `AssertionError` that says what was expected, when it is broken. */
export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}

/** How a child process opens the store under test. */
export interface ChildStore {
  /**
   * Absolute path or `file:` URL of an ES module whose default export opens the store:
   * `export default (argument) => store`, or a promise of one.
   */
  module: string;
  /** Given to that function. Anything JSON can carry. */
  argument: unknown;
  /** Arguments for `node`, for instance `["--import", "tsx"]` where `module` is TypeScript. Default: none. */
  execArgv?: readonly string[] | undefined;
}

/**
 * A store to prove. Each case gets a random `space`: the same space must mean the same data. Make it a prefix, a schema or a file, and
 * all cases can run in parallel; a harness that ignores it shares one set of data, and one clock, between cases that then have to run
 * one after another (ids are random, so nothing needs to be flushed in between).
 */
export interface StoreHarness {
  /** Opens a new, independent connection to the data of `space`. Called several times in a case; the case closes what it opened. */
  open(space: string): IdempotencyStore | Promise<IdempotencyStore>;
  /** Moves the store's clock. Absent: cases really wait, with leases and retentions of at most 100 ms. */
  advance?: ((ms: number, space: string) => void | Promise<void>) | undefined;
  /** How a process opens the data of `space`. Absent: the cases with several processes are not in the list. */
  child?: ((space: string) => ChildStore) | undefined;
  /** `open` gives the same object for the same space, because the data lives in it. The cases about a second connection are left out. */
  sharedConnection?: boolean | undefined;
  /** Optional verbs that the store does not have. Their cases are not in the list. */
  without?: readonly ("purge" | "close" | "scopes")[] | undefined;
}

/** A dead-letter queue to prove. `space` and `sharedConnection` as in `StoreHarness`. */
export interface DeadLetterHarness {
  /** With these limits, where some are given. In one space a case asks always for the same ones. */
  open(space: string, limits?: DeadLetterLimits): DeadLetterQueue | Promise<DeadLetterQueue>;
  sharedConnection?: boolean | undefined;
  /** Optional verbs that the queue does not have. Their cases are not in the list. */
  without?: readonly ("close" | "expired")[] | undefined;
}
