/** What the suite of an adapter needs from you: apps of your framework, made from the routes that a case describes. */
import type {
  CloseOptions,
  GuardOptions,
  HttpHandler,
  IdempotencyStore,
  ReceiverOptions,
  WebhookHandler,
} from "@hooklatch/core";

/** An adapter to prove, on its real framework and over real sockets. Cases run in parallel, each with apps and ports of its own. */
export interface AdapterHarness {
  /** Starts an app with these routes on a free port of this machine. */
  serve(spec: AppSpec): Promise<RunningApp>;
  /** Where `serve` mounts all routes, by the means of the framework (router, prefix, sub-app): `""` for the root, else such as `/api/v1`. */
  basePath: string;
  /** Beginnings of the names of cases that are not in the list, because the framework or its host (never the adapter) breaks them. */
  without?: readonly string[] | undefined;
}

export interface RunningApp {
  /** Where it listens, without a path. */
  url: string;
  /** Calls `close` of every guard and receiver of the app. The app goes on listening. */
  drain(options?: CloseOptions): Promise<void>;
  /** Stops listening, and cuts what is open. `drain` was called before. */
  close(): Promise<void>;
}

/**
 * The routes of an app. Each answers every method, with or without a slash at the end of its path, except `webhooks`, which need POST only.
 */
export interface AppSpec {
  guarded?: readonly GuardedRoutes[];
  /** Routes without a guard. */
  plain?: Readonly<Record<string, Route>>;
  /** For `withIdempotency`. */
  webhooks?: Readonly<Record<string, { handler: WebhookHandler; options: ReceiverOptions }>>;
  /** For `mount`: at this path, and at everything below it. */
  mounted?: Readonly<Record<string, HttpHandler>>;
}

/** Routes that share one guard. */
export interface GuardedRoutes {
  /** For `idempotency`: see `nativeOptions`. */
  options: GuardOptions<RequestHead>;
  routes: Readonly<Record<string, Route>>;
}

/** What `tenant` of a case is given. */
export interface RequestHead {
  header(name: string): string | undefined;
}

/** The options of a case for an adapter whose `tenant` is given something of its framework. */
export function nativeOptions<Native>(
  options: GuardOptions<RequestHead>,
  headOf: (native: Native) => RequestHead,
): GuardOptions<Native> & { store: IdempotencyStore } {
  const { tenant } = options;
  return { ...options, tenant: tenant && ((native) => tenant(headOf(native))) };
}

/**
 * A route of the app, as it is written in no framework. What it throws, at once or later, goes where an error of a route goes in the
 * framework; so it must be called synchronously.
 */
export type Route = (call: RouteCall) => RouteAnswer | Promise<RouteAnswer>;

/** One request, as a route sees it through its framework: by the framework's own parsers. One of the readers of the body is called at most. */
export interface RouteCall extends RequestHead {
  method: string;
  /** Path and query, as the client sent them. */
  url: string;
  /** Of `application/json`. */
  json(): Promise<unknown>;
  /** Of `text/plain`. */
  text(): Promise<string>;
  /** Of `application/octet-stream`, or of no body at all. */
  bytes(): Promise<Uint8Array>;
  /** Of `multipart/form-data`. */
  form(): Promise<FormPart[]>;
  /** Resolves when the client has disconnected before it had the whole response. */
  gone(): Promise<void>;
}

export interface FormPart {
  name: string;
  /** Of a file. */
  filename?: string | undefined;
  bytes: Uint8Array;
}

/** What a route answers, by the framework's own idiom for it. */
export type RouteAnswer = {
  status: number;
  /** `set-cookie` and `link` may come more than once. */
  headers: readonly (readonly [name: string, value: string])[];
} & (
  | { kind: "json"; value: object }
  | { kind: "text"; text: string }
  | { kind: "bytes"; bytes: Uint8Array }
  | { kind: "empty" }
  | { kind: "redirect"; location: string }
  /** Written one by one (`write` and `end`; a streaming helper). */
  | { kind: "chunks"; chunks: AsyncIterable<Uint8Array> }
  /** A readable stream of the host, handed over (piped). */
  | { kind: "stream"; chunks: AsyncIterable<Uint8Array> }
  /** Server-sent events, each with this data. */
  | { kind: "events"; events: AsyncIterable<string> }
);
