/** Guarded routes on real sockets, and the same routes without the guard to compare them with. */
import { EventEmitter } from "node:events";
import { connect } from "node:net";
import {
  type GuardOptions,
  type IdempotencyStore,
  memoryStore,
  type OperationRecord,
  type StoreStats,
} from "@hooklatch/core";
import { type ExpressRequest, type GuardMiddleware, idempotency } from "@hooklatch/express";
import type express5 from "express";
import type { ErrorRequestHandler, RequestHandler } from "express";
import { eventually } from "../../../core/test/support/eventually.js";
import { type Answer, afterTest, closing, type Listening, listen, type Sending, send } from "./server.js";

export interface Mounted extends Partial<GuardOptions<ExpressRequest>> {
  /** Middleware before the guard. */
  before?: RequestHandler[];
  /** Middleware between the guard and the route. */
  after?: RequestHandler[];
  onError?: ErrorRequestHandler;
}

export interface Guarded extends Listening {
  guard: GuardMiddleware;
  store: IdempotencyStore;
  /** How often the route has run, behind the guard. */
  runs(): number;
  /** A request with this key. */
  send(key: string, sending?: Sending & { path?: string }): Promise<Answer>;
  /** The same route without the guard. */
  plain(sending?: Sending): Promise<Answer>;
  record(key: string): Promise<OperationRecord | undefined>;
  stats(): Promise<StoreStats>;
}

/** `POST /orders` is guarded, `POST /plain` is not; so are the other methods. */
export async function guarding(
  express: typeof express5,
  route: RequestHandler,
  { before = [], after = [], onError, ...options }: Mounted = {},
): Promise<Guarded> {
  const store = options.store ?? memoryStore();
  const guard = closing(idempotency({ scope: "orders", tenant: false, ...options, store }));
  const app = express();
  app.disable("x-powered-by");
  for (const middleware of before) app.use(middleware);
  let runs = 0;
  const count: RequestHandler = (_request, _response, next) => {
    runs++;
    next();
  };
  app.all("/plain", ...after, route);
  app.all("/orders", guard as RequestHandler, ...after, count, route);
  // What Express would print on the console.
  app.use(onError ?? (((error, _request, _response, next) => next(silent(error))) as ErrorRequestHandler));
  const server = await listen(app);
  return {
    ...server,
    guard,
    store,
    runs: () => runs,
    send: (key, { path = "/orders", ...sending } = {}) =>
      send(server, path, { ...sending, headers: { "idempotency-key": key, ...sending.headers } }),
    plain: (sending) => send(server, "/plain", sending),
    record: (key) => store.get({ scope: "orders", key }),
    stats: () => store.stats(),
  };
}

/** Well before any lease or `maxRunMs` is over: a held response has a second to end. */
const SOON_MS = 4_000;
export const becomes = (server: Guarded, state: string, key = "k") =>
  eventually(async () => (await server.record(key))?.state === state, `the key to be ${state}`, SOON_MS);

function silent(error: unknown): unknown {
  if (error instanceof Error) error.stack = "";
  return error;
}

/** A store one of whose operations waits, having begun, until it is let go. */
export function holding(verb: "claim" | "complete" | "release", inner: IdempotencyStore = memoryStore()) {
  const events = new EventEmitter().setMaxListeners(0);
  let reached = 0;
  let open = false;
  const hold = async (): Promise<void> => {
    reached++;
    events.emit("reached");
    if (!open) await new Promise((resolve) => events.once("open", resolve));
  };
  const store = new Proxy(inner, {
    get(target, name) {
      const value = target[name as keyof IdempotencyStore];
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        if (name === verb) await hold();
        return (value as (...a: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return {
    store,
    async reached(times = 1): Promise<void> {
      while (reached < times) await new Promise((resolve) => events.once("reached", resolve));
    },
    letGo(): void {
      open = true;
      events.emit("open");
    },
  };
}

/** The text of a request with a key, to be written on a raw connection. */
export function requestText(
  key: string,
  { method = "POST", path = "/orders", headers = [] as string[], body = "" } = {},
): string {
  const lines = [`${method} ${path} HTTP/1.1`, "host: x", `idempotency-key: ${key}`, ...headers];
  if (body !== "") lines.push(`content-length: ${body.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** Everything that a server says to one request and closes with, as it is on the wire; the date is left out. */
export function rawAnswer(
  { port }: Listening,
  key: string,
  { headers = [], ...request }: Parameters<typeof requestText>[1] = {},
): Promise<string> {
  const text = requestText(key, { ...request, headers: [...headers, "connection: close"] });
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    afterTest(() => socket.destroy());
    let heard = "";
    socket.on("data", (chunk) => {
      heard += chunk.toString("latin1");
    });
    socket.on("error", reject).on("close", () => resolve(heard.replace(/^date: .*\r\n/im, "")));
    socket.write(text);
  });
}
