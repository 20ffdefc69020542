/** Options of the store and of the dead-letter queue. */
import { checkLimits, type DeadLetterLimits, HooklatchError } from "@hooklatch/core";

/** Options of `sqliteStore` and of `sqliteDeadLetters`. An unknown or wrong one is refused with `invalid_option`. */
export interface SqliteOptions {
  /**
   * How long an operation waits for a lock that another connection holds before it rejects with `store_busy`, in ms. The event loop is
   * not blocked meanwhile. Default: 5000.
   */
  busyTimeoutMs?: number | undefined;
  /** The clock, ms since the epoch. For tests that must not wait. Default: `Date.now`, the clock that all processes of a host share. */
  now?: (() => number) | undefined;
}

/** Options of `sqliteDeadLetters`. Give every process of a file the same limits: a worker goes by those of its own queue. */
export interface SqliteDeadLettersOptions extends SqliteOptions, DeadLetterLimits {}

type Resolved = Required<{ [Name in keyof SqliteOptions]: NonNullable<SqliteOptions[Name]> }>;

const SHARED = ["busyTimeoutMs", "now"];

/** @throws {HooklatchError} `invalid_option` */
export function resolveStoreOptions(options: SqliteOptions): Resolved {
  return resolve(options, "sqliteStore", SHARED);
}

/** @throws {HooklatchError} `invalid_option` */
export function resolveQueueOptions(options: SqliteDeadLettersOptions): Resolved & DeadLetterLimits {
  const resolved = resolve(options, "sqliteDeadLetters", [...SHARED, "retentionMs", "maxLetters"]);
  checkLimits(options, "sqliteDeadLetters");
  return { ...resolved, retentionMs: options.retentionMs, maxLetters: options.maxLetters };
}

function resolve(options: SqliteOptions, what: string, known: readonly string[]): Resolved {
  if (typeof options !== "object" || options === null) {
    throw new HooklatchError("invalid_option", `${what}: options must be an object.`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw wrong(what, name, "there is no such option");
  }
  const { busyTimeoutMs = 5_000, now = Date.now } = options;
  if (typeof busyTimeoutMs !== "number" || !(busyTimeoutMs >= 0))
    throw wrong(what, "busyTimeoutMs", "pass ms, 0 or more");
  if (typeof now !== "function") throw wrong(what, "now", "pass a function");
  return { busyTimeoutMs, now };
}

function wrong(what: string, option: string, fix: string): HooklatchError {
  return new HooklatchError("invalid_option", `${what}: option \`${option}\` is wrong: ${fix}.`);
}
