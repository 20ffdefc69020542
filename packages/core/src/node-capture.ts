/**
 * What a route on Node's `http` really sends, taken where it leaves: at `writeHead`, `write` and `end`, below everything that frameworks
 * and middleware put on top. It is held until it is stored; then the same calls are made again, on the real methods.
 */
import type { ServerResponse } from "node:http";
import { concatenated } from "./bytes.js";
import type { GuardedRun } from "./guarded-run.js";
import type { HttpResponse } from "./http.js";
import { writeResponse } from "./node-response.js";

/** A response whose end does not follow its first byte within this time is a stream. */
const STREAM_AFTER_MS = 1_000;

type Headers = HttpResponse["headers"];

/** Fields of `ServerResponse` that say how far it is. `_header` is private, but what all middleware looks at. */
type Progress = { _header: string | null; finished: boolean };

/**
 * Takes over the response of a claimed route.
 *
 * Held: a response that ends within `STREAM_AFTER_MS` of its first byte, of at most `maxResultBytes`. It looks sent to the route (`headersSent`,
 * `writableEnded`). Anything else, and `text/event-stream`, passes through from then on, and only its end is held.
 */
export function captureResponse(response: ServerResponse, run: GuardedRun): void {
  // Perhaps patched already, by a middleware that was mounted before: those see the response when it is released.
  const { writeHead, write, end, flushHeaders } = response;
  const headersBefore = response.getHeaders() as Headers;
  const progress = response as unknown as Progress;
  /** `held` → `passing` or `open`; `passing` → `open`. Open: the real methods. */
  let state: "held" | "passing" | "open" = "held";
  let head: { args: Parameters<typeof writeHead>; headers: Headers } | undefined;
  let begun = false;
  let ended = false;
  /** All of the body came with `end`. */
  let asOne = false;
  const chunks: Uint8Array[] = [];
  let length = 0;
  let streamTimer: ReturnType<typeof setTimeout> | undefined;

  // ---- what the route calls -----------------------------------------------------------------------------------------

  response.writeHead = ((...args: Parameters<typeof writeHead>) => {
    // While it looks sent, the real method refuses to send it again.
    if (state !== "held" || progress._header !== null) return writeHead.apply(response, args);
    // By way of `begin()`, and of whatever wraps this method.
    if (begun) return response;
    head = { args, headers: headersOf(args) };
    response.statusCode = args[0];
    begin();
    return response;
  }) as typeof writeHead;

  response.write = ((...args: unknown[]) => {
    if (state === "open" || ended || !isChunk(args[0])) return write.apply(response, args as never);
    const { bytes, callback } = chunkOf(args);
    begin();
    if (state === "passing") return pass(bytes, callback);
    keep(bytes);
    if (callback) process.nextTick(callback);
    if (length > run.maxResultBytes || isEventStream()) letPass();
    return true;
  }) as typeof write;

  response.end = ((...args: unknown[]) => {
    const nothing = args[0] === undefined || args[0] === null || typeof args[0] === "function";
    if (state === "open" || ended || !(nothing || isChunk(args[0])))
      return end.apply(response, args as never);
    const { bytes, callback } = chunkOf(args);
    asOne = !begun || (head !== undefined && chunks.length === 0);
    begin();
    keep(bytes);
    ended = true;
    progress.finished = true;
    clearTimeout(streamTimer);
    if (state === "passing" || length > run.maxResultBytes) void endUnkept(callback);
    else void endKept(callback);
    return response;
  }) as typeof end;

  response.flushHeaders = () => {
    if (state === "open") return flushHeaders.call(response);
    begin();
    if (state === "held" && !ended) letPass();
  };

  // ---- what is sent -------------------------------------------------------------------------------------------------

  /** From now on the head looks sent, and cannot be changed. */
  function begin(): void {
    if (begun) return;
    begun = true;
    // Gives those who wait for the head (`on-headers`) their moment before it is taken down.
    if (head === undefined) response.writeHead(response.statusCode);
    progress._header = "held";
    streamTimer = setTimeout(tooSlow, STREAM_AFTER_MS);
    streamTimer.unref();
  }

  function keep(bytes: Uint8Array): void {
    if (bytes.byteLength === 0) return;
    chunks.push(bytes);
    length += bytes.byteLength;
  }

  function release(to: "passing" | "open"): void {
    state = to;
    progress._header = null;
    progress.finished = false;
    if (head !== undefined) writeHead.apply(response, head.args);
  }

  /** Everything is known: it is stored, and then leaves by the very calls that the route made. */
  async function endKept(callback: Callback): Promise<void> {
    const { statusCode: status, req } = response;
    // What Node would not send is not kept either.
    const isEmpty =
      status === 204 || status === 304 || (length === 0 && (status === 205 || req.method === "HEAD"));
    const instead = await run.finish({
      status,
      headers: { ...lowerCase(response.getHeaders() as Headers), ...head?.headers },
      body: isEmpty ? null : concatenated(chunks, length),
    });
    if (instead !== undefined) {
      head = undefined;
      release("open");
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      for (const [name, value] of Object.entries(headersBefore)) response.setHeader(name, value);
      response.statusMessage = "";
      writeResponse(response, instead);
      return;
    }
    release("open");
    sendRest(callback);
  }

  /** Node announces the length of a response that comes as one. */
  function sendRest(callback: Callback): void {
    if (!asOne) for (const chunk of chunks.splice(0)) write.call(response, chunk, "utf8");
    end.call(response, chunks.length > 0 ? concatenated(chunks, length) : undefined, "utf8", callback);
  }

  /** The head and what has been held so far leave now, the rest as it comes; the end is held. */
  function letPass(): void {
    clearTimeout(streamTimer);
    run.streams(response.statusCode);
    release("passing");
    const held = chunks.splice(0);
    length = 0;
    if (held.length === 0) flushHeaders.call(response);
    for (const chunk of held) pass(chunk);
  }

  let passed = 0;

  function pass(bytes: Uint8Array, callback?: Callback): boolean {
    passed += bytes.byteLength;
    // The last byte of a response that has announced its length ends it.
    if (
      passed >= Number(response.getHeader("content-length") ?? head?.headers["content-length"] ?? Infinity)
    ) {
      keep(bytes);
      if (callback) process.nextTick(callback);
      return true;
    }
    return write.call(response, bytes, "utf8", callback as never);
  }

  async function endUnkept(callback: Callback): Promise<void> {
    const mayEnd = await run.finishUnkept(response.statusCode);
    if (state === "held") release("open");
    state = "open";
    progress.finished = false;
    if (mayEnd) sendRest(callback);
    else response.destroy();
  }

  // ---- what does not end by itself ----------------------------------------------------------------------------------

  const { socket } = response.req;
  let timedOut = false;
  const onTimeout = (): void => {
    timedOut = true;
  };
  socket.on("timeout", onTimeout);
  response.once("close", () => {
    socket.off("timeout", onTimeout);
    // What has been seen in part must not be seen a second time. What has not may still be ended by its route, client or not.
    if (state === "passing" && !ended) void run.finishUnkept(response.statusCode);
  });

  function tooSlow(): void {
    if (ended || state !== "held") return;
    // Cut off by whom? If not by the client, nor by an error or a time limit of the socket, then by the app: its route failed.
    const byApp = !timedOut && !socket.readableEnded && !socket.errored;
    if (!response.destroyed) letPass();
    else if (byApp) void run.abandon();
    else void run.finishUnkept(response.statusCode);
  }

  function isEventStream(): boolean {
    const type = response.getHeader("content-type") ?? head?.headers["content-type"];
    return String(type).startsWith("text/event-stream");
  }
}

type Callback = ((error?: Error | null) => void) | undefined;

function isChunk(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

/** The arguments of `write` and `end`. The bytes are a copy: the route may use its buffer again. */
function chunkOf(args: unknown[]): { bytes: Uint8Array; callback: Callback } {
  const callback = args.find((arg) => typeof arg === "function") as Callback;
  const [chunk, encoding] = args;
  if (typeof chunk === "string") {
    return {
      bytes: Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8"),
      callback,
    };
  }
  return { bytes: chunk instanceof Uint8Array ? new Uint8Array(chunk) : new Uint8Array(0), callback };
}

/** The headers among the arguments of `writeHead`: an object, pairs, or names and values in turn. */
function headersOf(args: readonly unknown[]): Headers {
  const given = args.find((arg) => typeof arg === "object" && arg !== null);
  if (given === undefined) return {};
  if (!Array.isArray(given)) return lowerCase(given as Headers);
  const flat: unknown[] = given.flat();
  const headers: Headers = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = String(flat[i]).toLowerCase();
    const before = headers[name];
    const value = String(flat[i + 1]);
    headers[name] = before === undefined ? value : [before, value].flat();
  }
  return headers;
}

function lowerCase(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.map(String) : String(value)]),
  );
}
