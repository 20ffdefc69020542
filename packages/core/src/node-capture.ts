/**
 * What a route on Node's `http` really sends, taken where it leaves: at `writeHead`, `write` and `end`, below everything that frameworks
 * and middleware put on top. It is held until it is stored; then the same calls are made again, on the real methods.
 */
import { ServerResponse } from "node:http";
import { concatenated } from "./bytes.js";
import type { GuardedRun } from "./guarded-run.js";
import type { HttpResponse } from "./http.js";
import { losesBody } from "./node-body.js";
import { whoCut } from "./node-cut.js";
import { writeResponse } from "./node-response.js";
import {
  type Callback,
  checkHead,
  chunkOf,
  type HeadArguments,
  type Headers,
  headersOfHead,
  isChunk,
  lowerCase,
} from "./node-written.js";

/** A response whose end does not follow its first byte within this time is a stream. */
const STREAM_AFTER_MS = 1_000;
const METHODS = ["writeHead", "write", "end", "flushHeaders"] as const;

/** Fields of `ServerResponse` that say how far it is. `_header` is private, but what all middleware looks at. */
type Progress = { _header: string | null; finished: boolean };

/**
 * Takes over the response of a claimed route. `false`: somebody else, such as a time limit, has answered meanwhile; the key is released, and
 * the route need not run.
 *
 * Held: a response that ends within `STREAM_AFTER_MS` of its first byte, of at most `maxResultBytes`; and one that has no body, because its head
 * is all of it. It looks sent to the route (`headersSent`, `writableEnded`). Anything else, and `text/event-stream`, passes through from then
 * on, and only its end is held.
 */
export function captureResponse(response: ServerResponse, run: GuardedRun): boolean {
  if (response.headersSent || response.writableEnded) {
    void run.abandon();
    return false;
  }
  // Perhaps patched already, by a middleware that was mounted before: those see the response when it is released.
  const { writeHead, write, end, flushHeaders, req } = response;
  const before = METHODS.map((name) => Object.getOwnPropertyDescriptor(response, name));
  const headersBefore = response.getHeaders() as Headers;
  const progress = response as unknown as Progress;
  /** `held` → `passing` or `open`; `passing` → `open`. Open: the real methods. */
  let state: "held" | "passing" | "open" = "held";
  /** What `writeHead` was given, and all headers. */
  let head: { args: HeadArguments; headers: Headers } | undefined;
  let ended = false;
  /** All of the body came with `end`. */
  let asOne = false;
  const chunks: Uint8Array[] = [];
  let length = 0;
  let streamTimer: ReturnType<typeof setTimeout> | undefined;
  /** `STREAM_AFTER_MS` are over. */
  let slow = false;

  // ---- what the route calls -----------------------------------------------------------------------------------------

  response.writeHead = ((...args: HeadArguments) => {
    // While it looks sent, the real method refuses to send it again.
    if (state !== "held" || progress._header !== null) return writeHead.apply(response, args);
    checkHead(response, args);
    head = { args, headers: { ...lowerCase(response.getHeaders()), ...headersOfHead(args) } };
    response.statusCode = Math.trunc(args[0]);
    // From now on the head looks sent, and cannot be changed.
    progress._header = "held";
    streamTimer = setTimeout(onSlow, STREAM_AFTER_MS);
    streamTimer.unref();
    return response;
  }) as typeof writeHead;

  response.write = ((...args: unknown[]) => {
    if (ended) return asEnded(() => ServerResponse.prototype.write.apply(response, args as never));
    if (state === "open" || !isChunk(args[0])) return write.apply(response, args as never);
    const { bytes, callback } = chunkOf(args);
    begin();
    if (state === "passing") return pass(bytes, callback);
    keep(bytes);
    if (callback) process.nextTick(callback);
    if (length > run.maxResultBytes || isEventStream()) letPass();
    return true;
  }) as typeof write;

  response.end = ((...args: unknown[]) => {
    if (ended) return endAgain(args);
    const nothing = !args[0] || typeof args[0] === "function";
    if (state === "open" || !(nothing || isChunk(args[0]))) return end.apply(response, args as never);
    const { bytes, callback } = chunkOf(args);
    asOne = head === undefined;
    begin();
    ended = true;
    clearTimeout(streamTimer);
    length += bytes.byteLength;
    if (bytes.byteLength > 0) chunks.push(bytes);
    void (state === "passing" ? endUnkept(callback) : endKept(callback));
    return response;
  }) as typeof end;

  response.flushHeaders = () => {
    if (state === "open") return flushHeaders.call(response);
    begin();
    if (state === "held" && !ended) letPass();
  };

  // `finished` itself stays false: by it Node takes a connection for idle, and `server.close()` would cut it.
  Object.defineProperty(response, "writableEnded", {
    configurable: true,
    get: () => ended || progress.finished,
  });

  // ---- what is sent -------------------------------------------------------------------------------------------------

  function begin(): void {
    // By way of whatever wraps it: gives those who wait for the head (`on-headers`) their moment before it is taken down.
    if (head === undefined) response.writeHead(response.statusCode);
  }

  function keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0 || !hasBody()) return;
    chunks.push(bytes);
    length += bytes.byteLength;
  }

  /** From now on it is what it is to Node. */
  function open(): void {
    state = "open";
    METHODS.forEach((name, n) => {
      const own = before[n];
      if (own) Object.defineProperty(response, name, own);
      else delete (response as Partial<ServerResponse>)[name];
    });
    delete (response as { writableEnded?: boolean }).writableEnded;
  }

  /** Everything is known: it is stored, and then leaves by the very calls that the route made. */
  async function endKept(callback: Callback): Promise<void> {
    const { statusCode: status } = response;
    const isRefused = status >= 400 && status < 500;
    // A parser that came too late for the body has refused the request, or let it through without one. That is no result.
    if (isRefused && losesBody(req)) await run.abandon();
    const instead = await run.finish({ status, headers: head?.headers ?? {}, body: bodyToKeep() });
    open();
    progress._header = null;
    attempt(() => (instead === undefined ? sendRest(callback) : replace(instead)));
  }

  /** The route's own call is over: nobody would catch what is thrown, by a middleware that was mounted before. */
  function attempt(send: () => void): void {
    try {
      send();
    } catch (error) {
      response.destroy(error as Error);
    }
  }

  /** What Node would not send is not kept either. */
  function bodyToKeep(): Uint8Array | null {
    return hasBody() && !(response.statusCode === 205 && length === 0) ? concatenated(chunks, length) : null;
  }

  function replace(instead: HttpResponse): void {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    for (const [name, value] of Object.entries(headersBefore)) response.setHeader(name, value);
    response.statusMessage = "";
    writeResponse(response, instead);
  }

  function sendRest(callback: Callback): void {
    const { args } = head as { args: HeadArguments };
    if (asOne) {
      // Node calls it when it knows the length, which it announces of a response that comes as one.
      response.writeHead = (() => writeHead.apply(response, args)) as typeof writeHead;
      end.call(response, chunks[0], "utf8", callback);
      return;
    }
    if (progress._header === null) writeHead.apply(response, args);
    for (const chunk of chunks.splice(0)) write.call(response, chunk, "utf8");
    end.call(response, undefined, "utf8", callback);
  }

  /** The head and what has been held so far leave now, the rest as it comes; the end is held. */
  function letPass(): void {
    // Its head is all of it.
    if (!hasBody() || announcedLength() === 0) return;
    // Nobody is there to see it. The route may still end it in time, if it can be kept.
    if (response.destroyed) {
      if (length > run.maxResultBytes) cutOff();
      return;
    }
    clearTimeout(streamTimer);
    run.streams(response.statusCode);
    state = "passing";
    progress._header = null;
    writeHead.apply(response, (head as { args: HeadArguments }).args);
    const held = chunks.splice(0);
    if (held.length === 0) flushHeaders.call(response);
    for (const chunk of held) pass(chunk);
  }

  let passed = 0;

  function pass(bytes: Uint8Array, callback?: Callback): boolean {
    passed += bytes.byteLength;
    // The last byte of a response that has announced its length ends it.
    if (passed >= announcedLength()) {
      chunks.push(bytes);
      if (callback) process.nextTick(callback);
      return true;
    }
    return write.call(response, bytes, "utf8", callback as never);
  }

  async function endUnkept(callback: Callback): Promise<void> {
    const mayEnd = await run.finishUnkept(response.statusCode);
    open();
    if (mayEnd) attempt(() => sendRest(callback));
    else response.destroy();
  }

  // ---- what Node says to those who come too late --------------------------------------------------------------------

  function endAgain(args: readonly unknown[]): ServerResponse {
    if (isChunk(args[0]))
      return asEnded(() => ServerResponse.prototype.end.apply(response, args as never)) as ServerResponse;
    const { callback } = chunkOf(args);
    if (callback) response.once("finish", callback);
    return response;
  }

  /** Node's own refusal. Not by way of who was mounted before: to them it has not ended yet. */
  function asEnded<T>(refuse: () => T): T {
    const { finished } = progress;
    progress.finished = true;
    try {
      return refuse();
    } finally {
      progress.finished = finished;
    }
  }

  // ---- what does not end by itself ----------------------------------------------------------------------------------

  const cutter = whoCut(response);
  response.once("close", () => {
    if (ended) return;
    // What has been seen in part must not be seen a second time. What has not may still be ended by its route, client or not.
    if (state === "passing") void run.finishUnkept(response.statusCode);
    else if (slow) cutOff();
  });

  function onSlow(): void {
    slow = true;
    if (response.destroyed) cutOff();
    else attempt(letPass);
  }

  /** It was begun, nothing of it has left, and nothing will. */
  function cutOff(): void {
    clearTimeout(streamTimer);
    open();
    progress._header = null;
    // Its route failed, if it was the app. Otherwise the route did its work, and only nobody listened.
    void (cutter() === "app" ? run.abandon() : run.finishUnkept(response.statusCode));
  }

  function hasBody(): boolean {
    const { statusCode } = response;
    return req.method !== "HEAD" && statusCode !== 204 && statusCode !== 304;
  }

  function announcedLength(): number {
    return Number(head?.headers["content-length"] ?? Number.POSITIVE_INFINITY);
  }

  function isEventStream(): boolean {
    return String(head?.headers["content-type"]).startsWith("text/event-stream");
  }
  return true;
}
