/** The options of `withIdempotency`: what they are, their defaults, and what is refused at construction. */
import type { Codec } from "./codec.js";
import type { DeadLetterSink } from "./dead-letter.js";
import { HooklatchError } from "./errors.js";
import { EVENT_NAMES, type IdempotencyEvents } from "./events.js";
import { LONE_SURROGATE } from "./key.js";
import type { RetryOptions, RetryPolicy } from "./retry.js";
import type { IdempotencyStore } from "./store.js";

export interface IdempotencyOptions<Input> {
  /** Where operations are kept. Required; `memoryStore()` for tests. */
  store: IdempotencyStore;
  /** The constant name of this handler, the same in every process: due work finds its handler by it. Required. */
  scope: string;
  /** Whose key this is. An empty string, or anything but a string, refuses the call with `invalid_tenant`. Default: no tenant. */
  tenant?: ((input: Input) => string) | undefined;
  /** The idempotency key. Default: the hash of the input's canonical JSON. `undefined` refuses the call with `invalid_key`. */
  key?: ((input: Input) => string | undefined) | undefined;
  /**
   * What makes two calls under one key the same; a different one is a `mismatch`. Default: none (the default key already tells inputs
   * apart).
   */
  fingerprint?: ((input: Input) => string | Uint8Array) | false | undefined;
  /** Input and output as bytes. Default: strict JSON. */
  codec?: Codec<Input> | undefined;
  /** How long a completed result is kept, and duplicates are recognised, in ms. Default: 24 hours. */
  retentionMs?: number | undefined;
  /** A larger result is not kept; the operation is completed all the same. Default: 262 144 (256 KiB). */
  maxResultBytes?: number | undefined;
  /** How long a claim holds without a heartbeat; heartbeats go out at a third of it. Recovery after a crash takes this long. Default: 60 000. */
  leaseMs?: number | undefined;
  /** Hard limit of one attempt, heartbeat or not: the attempt has then failed, and its late result is ignored. Default: 300 000. */
  maxRunMs?: number | undefined;
  /** Answer `accepted` when the outcome is not there in time; the work goes on. Counted from the call. Default: `Infinity`. */
  respondWithinMs?: number | undefined;
  /** A duplicate of a running operation is told so (`answer`), or waits for the result (`wait`). Default: `answer`. */
  whenRunning?: "answer" | "wait" | undefined;
  /** The longest wait of `whenRunning: "wait"`. Default: 10 000. */
  waitMs?: number | undefined;
  /** `false`: one attempt. */
  retry?: RetryOptions | false | undefined;
  /** Where operations go whose attempts are exhausted. Without one they stay in the store as `dead`. */
  deadLetters?: DeadLetterSink | undefined;
  /** A delivery of an operation that has been dead for longer than `retry.maxDelayMs` runs it again. Default: `rerun`. */
  redelivery?: "rerun" | "ignore" | undefined;
  /** Handlers running at once in this process; what comes above is stored, and answered `accepted`. Default: 100. */
  maxRunning?: number | undefined;
  /** Picks up due, abandoned and unsettled work. `false`: another process has a worker for this scope. */
  worker?: WorkerOptions | false | undefined;
  /** The longest time for one store operation, resends included. At most a third of `leaseMs`. Default: 2000, or that third. */
  storeTimeoutMs?: number | undefined;
  /**
   * Numbers of dead letters in this scope at which `on.deadLetterThreshold` is called; counted when a letter comes, and about once a minute. Only
   * with a queue that can count, and a listener. Default: 1, 10, 100, 1000, 10 000.
   */
  deadLetterThresholds?: readonly number[] | undefined;
  on?: Partial<IdempotencyEvents> | undefined;
}

export interface WorkerOptions {
  /** Operations of the worker running at once. Default: 10. */
  concurrency?: number | undefined;
  /** How often to look for work. Default: 1000. */
  pollMs?: number | undefined;
}

/** All options with their defaults filled in. */
export interface Settings<Input> {
  store: IdempotencyStore;
  scope: string;
  tenant: ((input: Input) => string) | undefined;
  key: ((input: Input) => string | undefined) | undefined;
  fingerprint: ((input: Input) => string | Uint8Array) | false | undefined;
  codec: Codec<Input> | undefined;
  retentionMs: number;
  maxResultBytes: number;
  leaseMs: number;
  maxRunMs: number;
  respondWithinMs: number;
  whenRunning: "answer" | "wait";
  waitMs: number;
  retry: RetryPolicy;
  deadLetters: DeadLetterSink | undefined;
  deadLetterThresholds: readonly number[];
  redelivery: "rerun" | "ignore";
  maxRunning: number;
  worker: { concurrency: number; pollMs: number } | false;
  storeTimeoutMs: number;
  on: Partial<IdempotencyEvents> | undefined;
}

const KNOWN: ReadonlySet<string> = new Set<keyof IdempotencyOptions<unknown>>([
  "store",
  "scope",
  "tenant",
  "key",
  "fingerprint",
  "codec",
  "retentionMs",
  "maxResultBytes",
  "leaseMs",
  "maxRunMs",
  "respondWithinMs",
  "whenRunning",
  "waitMs",
  "retry",
  "deadLetters",
  "deadLetterThresholds",
  "redelivery",
  "maxRunning",
  "worker",
  "storeTimeoutMs",
  "on",
]);

/** The longest delay that Node's timers keep: a longer one would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
const YEAR_MS = 366 * 24 * 60 * 60 * 1000;

/** @throws {HooklatchError} `invalid_option`, naming the option and its fix */
export function resolveOptions<Input>(options: IdempotencyOptions<Input>): Settings<Input> {
  if (typeof options !== "object" || options === null) {
    throw wrong("options", "pass an object with at least `store` and `scope`");
  }
  rejectUnknown(options, KNOWN, "");
  const { deadLetters } = options;
  const common = resolveCommon(options);
  if (deadLetters !== undefined && typeof deadLetters?.push !== "function") {
    throw wrong("deadLetters", "pass something with a `push` method, such as sqliteDeadLetters(path)");
  }
  for (const name of ["tenant", "key"] as const) functionOr(options[name], name, undefined);
  functionOr(options.fingerprint, "fingerprint", false);
  const parts = ["encodeInput", "decodeInput", "encodeOutput", "decodeOutput"] as const;
  if (options.codec !== undefined && parts.some((part) => typeof options.codec?.[part] !== "function")) {
    throw wrong("codec", "pass an object with encodeInput, decodeInput, encodeOutput and decodeOutput");
  }
  return {
    ...common,
    tenant: options.tenant,
    key: options.key,
    fingerprint: options.fingerprint,
    codec: options.codec,
    respondWithinMs: number(
      options.respondWithinMs,
      "respondWithinMs",
      Number.POSITIVE_INFINITY,
      0,
      Number.POSITIVE_INFINITY,
    ),
    retry: retryPolicy(options.retry),
    deadLetters,
    deadLetterThresholds: thresholds(options.deadLetterThresholds),
    redelivery: oneOf(options.redelivery, "redelivery", ["rerun", "ignore"]),
    maxRunning: number(options.maxRunning, "maxRunning", 100, 1, 100_000, "whole"),
    worker: workerOptions(options.worker),
  };
}

/** What webhook handlers and guarded routes have in common. */
export type CommonSettings = Pick<
  Settings<never>,
  | "store"
  | "scope"
  | "retentionMs"
  | "maxResultBytes"
  | "leaseMs"
  | "maxRunMs"
  | "whenRunning"
  | "waitMs"
  | "storeTimeoutMs"
  | "on"
>;

export function resolveCommon(
  options: Partial<{ [Name in keyof CommonSettings]: CommonSettings[Name] | undefined }>,
): CommonSettings {
  const { store, scope } = options;
  if (store === undefined || typeof store?.claim !== "function") {
    throw wrong("store", "pass a store, such as sqliteStore(path); memoryStore() for tests");
  }
  if (typeof scope !== "string" || scope === "" || scope.length > 1_024 || LONE_SURROGATE.test(scope)) {
    throw wrong("scope", "pass a constant, non-empty name for this handler, the same in every process");
  }
  if (options.on !== undefined && (typeof options.on !== "object" || options.on === null)) {
    throw wrong("on", "pass an object of listeners");
  }
  rejectUnknown(options.on ?? {}, EVENT_NAMES, "on.");
  for (const [name, listener] of Object.entries(options.on ?? {}))
    functionOr(listener, `on.${name}`, undefined);
  const leaseMs = number(options.leaseMs, "leaseMs", 60_000, 10, MAX_TIMER_MS);
  const storeTimeoutMs = number(
    options.storeTimeoutMs,
    "storeTimeoutMs",
    Math.min(2_000, leaseMs / 3),
    1,
    leaseMs / 3,
  );
  return {
    store,
    scope,
    retentionMs: number(options.retentionMs, "retentionMs", 24 * 60 * 60 * 1000, 1, 100 * YEAR_MS),
    maxResultBytes: number(options.maxResultBytes, "maxResultBytes", 256 * 1024, 0, 512 * 1024 * 1024),
    leaseMs,
    maxRunMs: number(options.maxRunMs, "maxRunMs", 300_000, 1, MAX_TIMER_MS),
    whenRunning: oneOf(options.whenRunning, "whenRunning", ["answer", "wait"]),
    waitMs: number(options.waitMs, "waitMs", 10_000, 0, 10_000),
    storeTimeoutMs,
    on: options.on,
  };
}

function retryPolicy(retry: RetryOptions | false | undefined): RetryPolicy {
  const r: RetryOptions = retry === false ? { maxAttempts: 1 } : (retry ?? {});
  if (typeof r !== "object" || r === null) throw wrong("retry", "pass an object of retry options, or false");
  const known = new Set<keyof RetryOptions>([
    "maxAttempts",
    "initialDelayMs",
    "multiplier",
    "maxDelayMs",
    "jitter",
    "retryIf",
  ]);
  rejectUnknown(r, known, "retry.");
  functionOr(r.retryIf, "retry.retryIf", undefined);
  return {
    maxAttempts: number(r.maxAttempts, "retry.maxAttempts", 4, 1, 1_000, "whole"),
    initialDelayMs: number(r.initialDelayMs, "retry.initialDelayMs", 1_000, 0, YEAR_MS),
    multiplier: number(r.multiplier, "retry.multiplier", 2, 1, 1_000),
    maxDelayMs: number(r.maxDelayMs, "retry.maxDelayMs", 60_000, 0, YEAR_MS),
    jitter: oneOf(r.jitter, "retry.jitter", ["full", "equal", "none"]),
    retryIf: r.retryIf ?? (() => true),
  };
}

function thresholds(given: readonly number[] | undefined): readonly number[] {
  const all = given ?? [1, 10, 100, 1_000, 10_000];
  if (Array.isArray(all) && all.length > 0 && all.every((one) => Number.isSafeInteger(one) && one > 0))
    return all;
  throw wrong("deadLetterThresholds", "pass a list of whole numbers, 1 or more");
}

function workerOptions(
  worker: WorkerOptions | false | undefined,
): { concurrency: number; pollMs: number } | false {
  if (worker === false) return false;
  const w = worker ?? {};
  if (typeof w !== "object" || w === null) throw wrong("worker", "pass { concurrency, pollMs }, or false");
  rejectUnknown(w, new Set<keyof WorkerOptions>(["concurrency", "pollMs"]), "worker.");
  return {
    concurrency: number(w.concurrency, "worker.concurrency", 10, 1, 100_000, "whole"),
    pollMs: number(w.pollMs, "worker.pollMs", 1_000, 1, MAX_TIMER_MS),
  };
}

export function wrong(option: string, fix: string): HooklatchError {
  return new HooklatchError("invalid_option", `Option \`${option}\` is wrong: ${fix}.`);
}

export function rejectUnknown(options: object, known: ReadonlySet<string>, prefix: string): void {
  for (const name of Object.keys(options)) {
    if (!known.has(name))
      throw wrong(prefix + name, `there is no such option; known are ${[...known].join(", ")}`);
  }
}

export function functionOr(value: unknown, option: string, other: false | undefined): void {
  if (value === undefined || value === other || typeof value === "function") return;
  throw wrong(option, `pass a function${other === false ? ", or false" : ""}`);
}

export function number(
  value: number | undefined,
  option: string,
  fallback: number,
  least: number,
  most: number,
  kind: "any" | "whole" = "any",
): number {
  if (value === undefined) return fallback;
  if (
    typeof value === "number" &&
    value >= least &&
    value <= most &&
    (kind === "any" || Number.isInteger(value))
  ) {
    return value;
  }
  throw wrong(
    option,
    `pass a ${kind === "whole" ? "whole " : ""}number from ${least} to ${most}; it is ${String(value)}`,
  );
}

function oneOf<T extends string>(value: T | undefined, option: string, choices: readonly [T, ...T[]]): T {
  if (value === undefined) return choices[0];
  if (choices.includes(value)) return value;
  throw wrong(option, `pass one of ${choices.map((c) => `"${c}"`).join(", ")}`);
}
