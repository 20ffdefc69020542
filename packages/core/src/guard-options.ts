/** The options of `idempotency`: what they are, their defaults, and what is refused at construction. */
import type { IdempotencyEvents } from "./events.js";
import type { HttpRequest } from "./http.js";
import { type CommonSettings, functionOr, number, rejectUnknown, resolveCommon, wrong } from "./options.js";
import type { IdempotencyStore } from "./store.js";

/** `Native` is what the framework hands to a route: an Express or Fastify request, a Hono context, a Fetch `Request`. */
export interface GuardOptions<Native = unknown> {
  /** Where operations are kept. Required; `memoryStore()` for tests. */
  store: IdempotencyStore;
  /** The constant name of what is guarded, the same in every process. Required; two live guards or handlers of one store cannot share it. */
  scope: string;
  /**
   * Whose key this is: clients choose keys, so that without a tenant one client's key would get another one's response. `false` says that
   * there is one client only, or that keys cannot be guessed. Anything but a non-empty string refuses the request with `400`. Required.
   */
  tenant: ((request: Native) => string | Promise<string>) | false;
  /** Refuse a request without `Idempotency-Key` with `400`, rather than let it pass. Default: `false`. */
  required?: boolean | undefined;
  /** Which methods are guarded; others pass. Default: POST and PATCH, which are not idempotent by themselves. */
  methods?: readonly string[] | undefined;
  /**
   * What makes two requests under one key the same; another one is refused with `422`. Default: method, full original path, query and body.
   * `false`: the key alone. The body is then not read, and may have any size.
   */
  fingerprint?: ((request: HttpRequest) => string | Uint8Array) | false | undefined;
  /**
   * Whether a response with this status is kept and replayed; else the key is released, and a retry runs the route again. Default: all but
   * 5xx, 401, 403, 408, 409, 421, 423, 425 and 429. One that throws counts as `true`.
   */
  shouldStore?: ((status: number) => boolean) | undefined;
  /** How long a response is kept, and duplicates are recognised, in ms. Default: 24 hours. */
  retentionMs?: number | undefined;
  /** How long a claim holds without a heartbeat, in ms. A key is stuck this long after a crash. Default: 60 000. */
  leaseMs?: number | undefined;
  /** A route that has not answered after this time, in ms, no longer keeps its key: it is free a lease later. Default: 300 000. */
  maxRunMs?: number | undefined;
  /** A longer request body is refused with `413`. Default: 1 048 576 (1 MiB). */
  maxBodyBytes?: number | undefined;
  /** A larger response goes out, but is not kept: a duplicate gets `409` `result_not_kept`. Default: 262 144 (256 KiB). */
  maxResultBytes?: number | undefined;
  /** The longest time for one store operation, resends included, in ms. At most a third of `leaseMs`. Default: 2000, or that third. */
  storeTimeoutMs?: number | undefined;
  /** A duplicate of a running request is told so (`answer`: `409`), or waits for its response (`wait`). Default: `answer`. */
  whenRunning?: "answer" | "wait" | undefined;
  /** The longest wait of `whenRunning: "wait"`, in ms. Default and maximum: 10 000. */
  waitMs?: number | undefined;
  on?: Partial<IdempotencyEvents> | undefined;
}

export interface GuardSettings<Native> extends CommonSettings {
  tenant: ((request: Native) => string | Promise<string>) | false;
  required: boolean;
  methods: ReadonlySet<string>;
  fingerprint: ((request: HttpRequest) => string | Uint8Array) | false | undefined;
  shouldStore: (status: number) => boolean;
  maxBodyBytes: number;
}

const KNOWN: ReadonlySet<string> = new Set<keyof GuardOptions>([
  "store",
  "scope",
  "tenant",
  "required",
  "methods",
  "fingerprint",
  "shouldStore",
  "retentionMs",
  "leaseMs",
  "maxRunMs",
  "maxBodyBytes",
  "maxResultBytes",
  "storeTimeoutMs",
  "whenRunning",
  "waitMs",
  "on",
]);

/** Below 500, and no business of the operation itself: who asks, when, or how often. */
const NOT_STORED: ReadonlySet<number> = new Set([401, 403, 408, 409, 421, 423, 425, 429]);

/** @throws {HooklatchError} `invalid_option`, naming the option and its fix */
export function resolveGuardOptions<Native>(options: GuardOptions<Native>): GuardSettings<Native> {
  if (typeof options !== "object" || options === null) {
    throw wrong("options", "pass an object with at least `store`, `scope` and `tenant`");
  }
  rejectUnknown(options, KNOWN, "");
  const common = resolveCommon(options);
  const { tenant, required, methods, fingerprint, shouldStore, maxBodyBytes } = options;
  if (tenant !== false && typeof tenant !== "function") {
    throw wrong(
      "tenant",
      "pass a function that says whose key it is, such as (req) => req.user.id, or false for none",
    );
  }
  if (required !== undefined && typeof required !== "boolean") throw wrong("required", "pass true or false");
  const names: unknown = methods ?? ["POST", "PATCH"];
  if (
    !Array.isArray(names) ||
    names.length === 0 ||
    !names.every((m) => typeof m === "string" && /^[A-Za-z]+$/.test(m))
  ) {
    throw wrong("methods", 'pass a non-empty array of method names, such as ["POST", "PATCH"]');
  }
  functionOr(fingerprint, "fingerprint", false);
  functionOr(shouldStore, "shouldStore", undefined);
  return {
    ...common,
    tenant,
    required: required ?? false,
    methods: new Set(names.map((method: string) => method.toUpperCase())),
    fingerprint,
    shouldStore: shouldStore ?? ((status) => status < 500 && !NOT_STORED.has(status)),
    maxBodyBytes: number(maxBodyBytes, "maxBodyBytes", 1_048_576, 0, 2 ** 30, "whole"),
  };
}
