/** Options of `redisStore` and `redisDeadLetters`, their defaults, and what is refused. */
import { HooklatchError } from "@hooklatch/core";
import { checkPrefix, MAX_PARTITIONS } from "./names.js";
import type { WaitForReplicas } from "./replicas.js";
import type { RedisReport } from "./server-report.js";

/** What the store and the dead-letter queue share. An unknown or wrong option is refused with `invalid_option`. */
export interface RedisOptions {
  /** What every key begins with; another one is another store. 1 to 100 characters, no braces or white space. Default: `hooklatch`. */
  prefix?: string | undefined;
  /**
   * The longest time for one operation, in ms; then it rejects with `store_timeout`, whatever the client goes on trying. Inside a handler
   * `storeTimeoutMs` holds too. Default: 2000.
   */
  timeoutMs?: number | undefined;
  /**
   * So many replicas must have confirmed a write before it counts as done; else it rejects with `store_not_replicated`, and a claim is not
   * treated as ours. Narrows what a fail-over can lose, and costs a round trip to the replicas. Default: none.
   */
  waitForReplicas?: WaitForReplicas | undefined;
  /**
   * The one evicting `maxmemory-policy` (by its name, such as `volatile-lru`) under which events and letters are kept all the same. Under
   * memory pressure they are then lost. Default: none, and they are refused with `store_not_durable`.
   */
  acceptEvictionPolicy?: string | undefined;
  /** Told what the server can promise, at the first operation and after each reconnection: for a log. */
  onServer?: ((report: RedisReport) => void) | undefined;
}

export interface RedisStoreOptions extends RedisOptions {
  /**
   * Over how many hash tags operations are spread, 1 to 1024: at least a few for each master of a Cluster. Fixed for a prefix at its first
   * use; another number is refused with `invalid_option`. Default: 16.
   */
  partitions?: number | undefined;
}

export interface RedisDeadLetterOptions extends RedisOptions {
  /** How long a letter is kept after it arrived, in ms; then a worker discards it together with its operation. Default: for ever. */
  retentionMs?: number | undefined;
  /** The most letters that are kept for each scope; the oldest go first, as by `retentionMs`. Default: no limit. */
  maxLetters?: number | undefined;
}

export interface Settings {
  prefix: string;
  timeoutMs: number;
  waitForReplicas: WaitForReplicas | undefined;
  acceptEvictionPolicy: string | undefined;
  onServer: ((report: RedisReport) => void) | undefined;
}

const SHARED = ["prefix", "timeoutMs", "waitForReplicas", "acceptEvictionPolicy", "onServer"];
const MAX_TIMER_MS = 2 ** 31 - 1;

export function storeSettings(options: RedisStoreOptions): Settings & { partitions: number } {
  const check = checking("redisStore", options, [...SHARED, "partitions"]);
  return {
    ...check.shared(),
    partitions: check.whole("partitions", options.partitions, 1, MAX_PARTITIONS) ?? 16,
  };
}

export function deadLetterSettings(
  options: RedisDeadLetterOptions,
): Settings & { retentionMs: number | undefined; maxLetters: number | undefined } {
  const check = checking("redisDeadLetters", options, [...SHARED, "retentionMs", "maxLetters"]);
  return {
    ...check.shared(),
    retentionMs: check.whole("retentionMs", options.retentionMs, 1, Number.MAX_SAFE_INTEGER),
    maxLetters: check.whole("maxLetters", options.maxLetters, 1, Number.MAX_SAFE_INTEGER),
  };
}

function checking(what: string, options: RedisOptions, known: readonly string[]) {
  const wrong = (option: string, fix: string) =>
    new HooklatchError("invalid_option", `${what}: option \`${option}\` is wrong: ${fix}.`);
  if (typeof options !== "object" || options === null) {
    throw new HooklatchError("invalid_option", `${what}: options must be an object.`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw wrong(name, `there is no such option; known are ${known.join(", ")}`);
  }
  function whole(option: string, value: number | undefined, least: number, most: number): number | undefined {
    if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return value;
    throw wrong(option, `pass a whole number from ${least} to ${most}; it is ${String(value)}`);
  }
  function shared(): Settings {
    const { waitForReplicas: wait, acceptEvictionPolicy, onServer } = options;
    if (wait !== undefined) {
      if (typeof wait !== "object" || wait === null)
        throw wrong("waitForReplicas", "pass { count, timeoutMs }");
      for (const part of Object.keys(wait)) {
        if (part !== "count" && part !== "timeoutMs")
          throw wrong(`waitForReplicas.${part}`, "there is no such option");
      }
      for (const part of ["count", "timeoutMs"] as const) {
        if (wait[part] === undefined) throw wrong(`waitForReplicas.${part}`, "it is missing");
        whole(`waitForReplicas.${part}`, wait[part], 1, part === "count" ? 1_000 : MAX_TIMER_MS);
      }
    }
    const timeoutMs = whole("timeoutMs", options.timeoutMs, 1, MAX_TIMER_MS) ?? 2_000;
    if (wait !== undefined && wait.timeoutMs >= timeoutMs) {
      throw wrong("waitForReplicas.timeoutMs", `it must be less than timeoutMs, which is ${timeoutMs}`);
    }
    if (acceptEvictionPolicy !== undefined && typeof acceptEvictionPolicy !== "string") {
      throw wrong("acceptEvictionPolicy", 'pass the name of a maxmemory-policy, such as "volatile-lru"');
    }
    if (onServer !== undefined && typeof onServer !== "function") throw wrong("onServer", "pass a function");
    return {
      prefix: checkPrefix(options.prefix === undefined ? "hooklatch" : options.prefix, what),
      timeoutMs,
      waitForReplicas: wait,
      acceptEvictionPolicy,
      onServer,
    };
  }
  return { whole, shared };
}
