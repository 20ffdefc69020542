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

/** Options of `sqliteStore`. */
export interface SqliteStoreOptions extends SqliteOptions {
  /**
   * Whether the database is opened and written by a thread of its own, so that no commit blocks the event loop. Only with the path of a file,
   * and without `now`. Default: false, which is faster with few operations in flight.
   */
  thread?: boolean | undefined;
}

/** Options of `sqliteDeadLetters`. Give every process of a file the same limits: a worker goes by those of its own queue. */
export interface SqliteDeadLettersOptions extends SqliteOptions, DeadLetterLimits {}

type Resolved = Required<{ [Name in keyof SqliteOptions]: NonNullable<SqliteOptions[Name]> }>;

const SHARED = ["busyTimeoutMs", "now"];

/** @throws {HooklatchError} `invalid_option` */
export function resolveStoreOptions(
  pathOrDatabase: unknown,
  options: SqliteStoreOptions,
): Resolved & { thread: boolean } {
  const what = "sqliteStore";
  const resolved = resolve(options, what, [...SHARED, "thread"]);
  const { thread = false } = options;
  if (typeof thread !== "boolean") throw wrong(what, "thread", "pass true or false");
  if (thread) {
    // Neither an open database nor a function can be given to a thread.
    const isFile = typeof pathOrDatabase === "string" && !isTemporary(pathOrDatabase);
    if (!isFile) throw wrong(what, "thread", "it takes the path of a file");
    if (options.now !== undefined) throw wrong(what, "now", "a thread has the clock of its host alone");
  }
  return { ...resolved, thread };
}

/** Whether SQLite keeps it in memory or in a file without a name, for one connection. */
export function isTemporary(path: string): boolean {
  return path === "" || path === ":memory:";
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
