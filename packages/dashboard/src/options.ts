/** What `createDashboard` is given, and what is refused at construction. */
import {
  type Activity,
  type DeadLetterQueue,
  HooklatchError,
  type HttpRequest,
  type HttpResponse,
  type IdempotencyStore,
  type WebhookEvent,
} from "@hooklatch/core";
import type { Action } from "./api.js";
import type { AuditEntry } from "./audit.js";

/** What somebody may do. `release` of an operation needs `replay`, and so does an edit, beside `edit`; every action needs `read`. */
export interface Access {
  allow: "all" | readonly Action[];
  /** Who it is: for the history of letters, and for `audit`. */
  by?: string | undefined;
}

export interface DashboardOptions {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
  /**
   * Who may do what. Called for every request but those for the page's own script and style; required, because whoever replays runs your
   * handlers. `true`: everything. `false`: `403`. A response (a `401` that asks for a password, a redirect to a login) is sent as it is: all of
   * `status`, `headers` and `body`, and no `allow`; a `Response` of Fetch is none. One that throws is `403`, and nothing is done.
   */
  authorize: (
    request: HttpRequest,
  ) => Access | boolean | HttpResponse | Promise<Access | boolean | HttpResponse>;
  /** `recordActivity()`, whose listeners your handlers have: shows what this process did. */
  activity?: Activity | undefined;
  /**
   * Told of everything that changes something: before it is done (`requested`), and what became of it. Also of what was refused. If it
   * rejects before, nothing is done.
   */
  audit?: ((entry: AuditEntry) => void | Promise<void>) | undefined;
  /** Nobody changes anything here, whatever `authorize` says. Default: false. */
  readOnly?: boolean | undefined;
  /**
   * What is shown of an event instead. Credentials and signatures among its headers are never shown. A body that is shown otherwise than it is
   * kept cannot be edited.
   */
  redact?: ((event: WebhookEvent) => Partial<Pick<WebhookEvent, "url" | "headers" | "body">>) | undefined;
  /**
   * What is shown of an error's name, code, message and stack, and of the input of a plain function instead. Letters cannot then be searched by
   * their errors' texts, because what is found would tell what is not shown.
   */
  redactText?: ((text: string) => string) | undefined;
  /** Origins, such as `https://ops.example.com`, that the page has behind a proxy that changes `Host`. Default: none but its own. */
  allowedOrigins?: readonly string[] | undefined;
  /** Shown at the top: which app, which environment. Default: `Hooklatch`. */
  title?: string | undefined;
  /** How often an open page asks for news, in ms. Default: 3000. */
  pollMs?: number | undefined;
}

export interface Settings extends DashboardOptions {
  readOnly: boolean;
  allowedOrigins: readonly string[];
  title: string;
  pollMs: number;
}

const KNOWN: ReadonlySet<string> = new Set<keyof DashboardOptions>([
  "store",
  "deadLetters",
  "authorize",
  "activity",
  "audit",
  "readOnly",
  "redact",
  "redactText",
  "allowedOrigins",
  "title",
  "pollMs",
]);
const FUNCTIONS = ["audit", "redact", "redactText"] as const;

/** @throws {HooklatchError} `invalid_option`, naming the option and its fix */
export function resolveOptions(options: DashboardOptions): Settings {
  if (typeof options !== "object" || options === null) {
    throw wrong("options", "pass an object with `store`, `deadLetters` and `authorize`");
  }
  for (const name of Object.keys(options)) {
    if (!KNOWN.has(name)) throw wrong(name, `there is no such option; known are ${[...KNOWN].join(", ")}`);
  }
  const { store, deadLetters, authorize, activity, allowedOrigins = [], pollMs = 3_000 } = options;
  if (typeof store?.schedule !== "function") throw wrong("store", "pass the store of your handlers");
  if (typeof deadLetters?.list !== "function") {
    throw wrong("deadLetters", "pass the dead-letter queue of your handlers; a mere sink cannot be read");
  }
  if (typeof authorize !== "function") {
    throw wrong(
      "authorize",
      "pass a function that says who may do what: an open dashboard lets anybody run your handlers",
    );
  }
  for (const name of FUNCTIONS) {
    if (options[name] !== undefined && typeof options[name] !== "function")
      throw wrong(name, "pass a function");
  }
  if (activity !== undefined && typeof activity.read !== "function") {
    throw wrong("activity", "pass what `recordActivity()` gives");
  }
  if (!Array.isArray(allowedOrigins) || !allowedOrigins.every(isOrigin)) {
    throw wrong("allowedOrigins", 'pass a list of origins, such as "https://ops.example.com"');
  }
  if (!(pollMs >= 250 && pollMs <= 3_600_000)) throw wrong("pollMs", "pass ms, from 250 to 3600000");
  return {
    ...options,
    readOnly: options.readOnly ?? false,
    allowedOrigins,
    title: options.title ?? "Hooklatch",
    pollMs,
  };
}

function isOrigin(value: unknown): boolean {
  try {
    return typeof value === "string" && new URL(value).origin === value;
  } catch {
    return false;
  }
}

function wrong(option: string, fix: string): HooklatchError {
  return new HooklatchError("invalid_option", `createDashboard: option \`${option}\` is wrong: ${fix}.`);
}
