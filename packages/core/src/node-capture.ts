/**
 * What a route on Node's `http` really sends, taken where it leaves: at `writeHead`, `write` and `end`, below everything that frameworks
 * and middleware put on top. It is held until it is stored; then the same calls are made again, on the real methods.
 */
import type { ServerResponse } from "node:http";
import { concatenated } from "./bytes.js";
import type { GuardedRun } from "./guarded-run.js";
import type { HttpResponse } from "./http.js";
import { refusesLostBody } from "./node-body.js";
import { watchCut } from "./node-cut.js";
import { endAgain, looksEnded, type Progress, takeOver, writeAgain } from "./node-held.js";
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
import { isEventStream, STREAM_AFTER_MS } from "./streaming.js";

/** Of the response, as they leave. What the route sets afterwards changes nothing any more: not what is sent, and not what is stored. */
interface Head {
  status: number;
  headers: Headers;
  /** What `writeHead` was given. */
  args: HeadArguments;
}

/**
 * Takes over the response of a claimed route. `false`: somebody else, such as a time limit, has answered meanwhile; the key is released, and
 * the route need not run.
 *
 * Held: a response that ends within `STREAM_AFTER_MS` of its first byte, of at most `maxResultBytes`; and one that has no body, because its head
 * is all of it. It looks sent to the route (`headersSent`, `writableEnded`). Anything else, and `text/event-stream`, passes through from then
 * on, and only its end is held: the call of `end`, or the last byte of an announced length, whichever comes first.
 */
export function captureResponse(response: ServerResponse, run: GuardedRun): boolean {
  if (response.headersSent || response.writableEnded) {
    void run.abandon();
    return false;
  }
  // Perhaps patched already, by a middleware that was mounted before: those see the response when it is released.
  const { writeHead, write, end, flushHeaders, req } = response;
  const giveBack = takeOver(response);
  const headersBefore = response.getHeaders() as Headers;
  const progress = response as unknown as Progress;
  /** `held` → `passing` or `open`; `passing` → `open`. Open: the real methods. */
  let state: "held" | "passing" | "open" = "held";
  let head: Head | undefined;
  let ended = false;
  let onEnded: Callback;
  /** All of the body came with `end`. */
  let asOne = false;
  /** All of it is known, and being stored. Its route may still call `end`. */
  let settling = false;
  const chunks: Uint8Array[] = [];
  /** Of the body, all that was written. */
  let length = 0;
  let streamTimer: ReturnType<typeof setTimeout> | undefined;
  /** `STREAM_AFTER_MS` are over. So long it may still be ended when it was cut, too. */
  let slow = false;

  // ---- what the route calls -----------------------------------------------------------------------------------------

  response.writeHead = ((...args: HeadArguments) => {
    // While it looks sent, the real method refuses to send it again.
    if (state !== "held" || progress._header !== null) return writeHead.apply(response, args);
    checkHead(response, args);
    const status = Math.trunc(args[0]);
    head = { status, headers: { ...lowerCase(response.getHeaders()), ...headersOfHead(args) }, args };
    response.statusCode = status;
    // From now on the head looks sent, and cannot be changed.
    progress._header = "held";
    streamTimer = setTimeout(onSlow, STREAM_AFTER_MS);
    streamTimer.unref();
    return response;
  }) as typeof writeHead;

  response.write = ((...args: unknown[]) => {
    if (ended) return writeAgain(response, args);
    if (state === "open" || !isChunk(args[0])) return write.apply(response, args as never);
    const { bytes, callback } = chunkOf(args);
    const { headers } = begin();
    if (state === "passing") return pass(bytes, callback);
    if (hasBody()) keep(bytes);
    if (callback) process.nextTick(callback);
    if (hasBody() && isWhole()) settle();
    else if (length > run.maxResultBytes || isEventStream(headers["content-type"])) letPass();
    return true;
  }) as typeof write;

  response.end = ((...args: unknown[]) => {
    if (ended) return endAgain(response, args);
    const nothing = !args[0] || typeof args[0] === "function";
    if (state === "open" || !(nothing || isChunk(args[0]))) return end.apply(response, args as never);
    const { bytes, callback } = chunkOf(args);
    asOne = head === undefined;
    begin();
    ended = true;
    onEnded = callback;
    keep(bytes);
    settle();
    return response;
  }) as typeof end;

  response.flushHeaders = () => {
    if (state === "open") return flushHeaders.call(response);
    begin();
    if (state !== "held" || ended) return;
    // Its head is all of it.
    if (isWhole()) settle();
    else letPass();
  };

  looksEnded(response, () => ended);

  // ---- what is sent -------------------------------------------------------------------------------------------------

  function begin(): Head {
    // By way of whatever wraps it: gives those who wait for the head (`on-headers`) their moment before it is taken down.
    if (head === undefined) response.writeHead(response.statusCode);
    return head as Head;
  }

  function keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    chunks.push(bytes);
    length += bytes.byteLength;
  }

  /** From now on it is what it is to Node. */
  function open(): void {
    state = "open";
    giveBack();
  }

  /** The client would have all of it now: it is stored before its last byte leaves. */
  function settle(): void {
    if (settling) return;
    settling = true;
    clearTimeout(streamTimer);
    void (state === "passing" ? settleUnkept(head as Head) : settleKept(head as Head));
  }

  /** Everything is known: it is stored, and then leaves by the very calls that the route made. */
  async function settleKept({ status, headers }: Head): Promise<void> {
    if (refusesLostBody(req, status)) await run.abandon();
    // What Node would not send is not kept either.
    const body = hasBody() && !(status === 205 && length === 0) ? concatenated(chunks, length) : null;
    const instead = await run.finish({ status, headers, body });
    open();
    progress._header = null;
    attempt(() => (instead === undefined ? sendRest() : replace(instead)));
  }

  async function settleUnkept({ status }: Head): Promise<void> {
    const mayEnd = await run.finishUnkept(status);
    open();
    if (mayEnd) attempt(sendRest);
    else response.destroy();
  }

  /** The route's own call is over: nobody would catch what is thrown, by a middleware that was mounted before. */
  function attempt(send: () => void): void {
    try {
      send();
    } catch (error) {
      response.destroy(error as Error);
    }
  }

  function replace(instead: HttpResponse): void {
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    for (const [name, value] of Object.entries(headersBefore)) response.setHeader(name, value);
    response.statusMessage = "";
    writeResponse(response, instead);
  }

  function sendRest(): void {
    const { args } = head as Head;
    if (asOne) {
      // Node calls it when it knows the length, which it announces of a response that comes as one.
      response.writeHead = (() => writeHead.apply(response, args)) as typeof writeHead;
      end.call(response, chunks[0], "utf8", onEnded);
      return;
    }
    if (progress._header === null) writeHead.apply(response, args);
    for (const chunk of chunks.splice(0)) write.call(response, chunk, "utf8");
    if (ended) end.call(response, undefined, "utf8", onEnded);
    // Its route may still call it, or never: to the client it has ended.
    else if (length === 0) flushHeaders.call(response);
  }

  /** The head and what has been held so far leave now, the rest as it comes; the end is held. */
  function letPass(): void {
    // Its head is all of it, or all of it is being stored.
    if (settling || isWhole()) return;
    const { status, args } = begin();
    // Nobody is there to see it. The route may still end it in time, if it can be kept.
    if (response.destroyed) {
      if (length > run.maxResultBytes) cutOff();
      return;
    }
    clearTimeout(streamTimer);
    run.streams(status);
    state = "passing";
    progress._header = null;
    writeHead.apply(response, args);
    if (length === 0) flushHeaders.call(response);
    for (const chunk of chunks.splice(0)) write.call(response, chunk, "utf8");
  }

  function pass(bytes: Uint8Array, callback?: Callback): boolean {
    if (!settling && length + bytes.byteLength < announcedLength()) {
      length += bytes.byteLength;
      return write.call(response, bytes, "utf8", callback as never);
    }
    // The last byte of a response that has announced its length ends it.
    keep(bytes);
    if (callback) process.nextTick(callback);
    settle();
    return true;
  }

  // ---- what does not end by itself ----------------------------------------------------------------------------------

  const cut = watchCut(response);
  response.once("close", () => {
    if (settling) return;
    // What has been seen in part must not be seen a second time. What has not may still be ended by its route, client or not.
    if (state === "passing") void run.finishUnkept((head as Head).status);
    else if (slow) cutOff();
    else if (head === undefined && cut.byItsRoute()) setTimeout(giveUp, STREAM_AFTER_MS).unref();
  });

  /** It was never begun. */
  function giveUp(): void {
    if (head === undefined) cutOff();
  }

  function onSlow(): void {
    slow = true;
    if (response.destroyed) cutOff();
    else attempt(letPass);
  }

  /** Nothing of it has left, and nothing will. */
  function cutOff(): void {
    clearTimeout(streamTimer);
    open();
    progress._header = null;
    // Its route failed, if it was the app. Otherwise the route did its work, and only nobody listened.
    void (head === undefined || cut.by() === "app" ? run.abandon() : run.finishUnkept(head.status));
  }

  function hasBody(): boolean {
    const status = head?.status;
    return req.method !== "HEAD" && status !== 204 && status !== 304;
  }

  /** Of what has been announced nothing is missing. */
  function isWhole(): boolean {
    return !hasBody() || length >= announcedLength();
  }

  function announcedLength(): number {
    const announced = Number(head?.headers["content-length"] ?? Number.NaN);
    // What is no number ends nothing.
    return Number.isNaN(announced) ? Number.POSITIVE_INFINITY : announced;
  }
  return true;
}
