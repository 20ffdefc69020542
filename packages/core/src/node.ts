/** For adapters of frameworks on Node's `http`: raw headers, the raw body within a limit, and the way back. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HooklatchError } from "./errors.js";
import { type HttpHeaders, type HttpResponse, problem } from "./http.js";

/** What is read and thrown away after a body grew too large, so that the sender can read the answer before the connection closes. */
const DISCARD_BYTES = 1024 * 1024;

/** Headers from `rawHeaders`, where repeats are still visible: lower-case names, null prototype, an array for a repeated one. */
export function headersOf(request: IncomingMessage): HttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase();
    const value = rawHeaders[i + 1] as string;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === "string") headers[name] = [before, value];
    else before.push(value);
  }
  return headers;
}

/**
 * The raw body. A body that a raw parser (such as `express.raw()`) already read is taken as it is.
 *
 * @throws {HooklatchError} `body_too_large`; `body_already_read` when a parser consumed the stream; `body_aborted` when the sender
 *   disconnected; `unsupported_encoding` for a compressed body, whose raw bytes nobody could sign or read
 */
export async function readBody(
  request: IncomingMessage & { body?: unknown },
  maxBytes: number,
): Promise<Uint8Array> {
  const { body } = request;
  if (body instanceof Uint8Array) {
    if (body.byteLength > maxBytes) throw tooLarge(maxBytes);
    return body;
  }
  if (request.readableEnded || request.readableDidRead) {
    // A request without a body that a parser has looked at is as good as unread.
    if (!announcesBody(request)) return new Uint8Array(0);
    throw new HooklatchError("body_already_read", ALREADY_READ);
  }
  const encoding = request.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    const text = `The body is ${encoding}-encoded. Send it as it is, or mount express.raw({ type: "*/*" }) before this route.`;
    throw new HooklatchError("unsupported_encoding", text);
  }
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
    discard(request);
    throw tooLarge(maxBytes);
  }
  return readStream(request, maxBytes);
}

const ALREADY_READ =
  "A body parser such as express.json() has read the body before this route, so its raw bytes are gone. Mount this route before the " +
  'parser, or give the route express.raw({ type: "*/*" }).';

function announcesBody(request: IncomingMessage): boolean {
  return (
    request.headers["transfer-encoding"] !== undefined || Number(request.headers["content-length"] ?? 0) > 0
  );
}

function readStream(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const onData = (chunk: Uint8Array): void => {
      length += chunk.byteLength;
      if (length <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      stop();
      discard(request);
      reject(tooLarge(maxBytes));
    };
    const onEnd = (): void => {
      stop();
      resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : concatenated(chunks, length));
    };
    const onGone = (cause?: unknown): void => {
      stop();
      reject(
        new HooklatchError("body_aborted", "The sender disconnected before the body was complete.", {
          cause,
          retryable: true,
        }),
      );
    };
    function stop(): void {
      request.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
    }
    // Gone while other middleware was busy: no event would ever come.
    if (request.destroyed) return onGone(request.errored ?? undefined);
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

function concatenated(chunks: Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Reads a little more and throws it away; what is longer than that is cut off. */
function discard(request: IncomingMessage): void {
  let left = DISCARD_BYTES;
  request.on("error", () => {});
  request.on("data", (chunk: Uint8Array) => {
    left -= chunk.byteLength;
    if (left < 0) request.destroy();
  });
}

function tooLarge(maxBytes: number): HooklatchError {
  return new HooklatchError("body_too_large", `The body is larger than ${maxBytes} bytes.`);
}

/** How a message travels is the server's to say, not the handler's: `transfer-encoding` beside a length is a malformed message. */
const HOP_BY_HOP = new Set([
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Writes a response, unless the client is gone. */
export function writeResponse(to: ServerResponse, response: HttpResponse): void {
  if (to.headersSent || to.destroyed) return;
  const { status, headers, body } = response;
  // Set one by one, so that headers which other middleware set before stay.
  for (const [name, value] of Object.entries(headers)) if (!HOP_BY_HOP.has(name)) to.setHeader(name, value);
  to.statusCode = status;
  if (body === null) {
    to.end();
    return;
  }
  to.setHeader("content-length", body.byteLength);
  to.end(to.req.method === "HEAD" ? undefined : body);
}

/**
 * The response for a request whose body could not be read; `undefined` when the sender is gone and nobody would read one. Throws on what
 * `readBody` does not throw.
 */
export function unreadable(error: unknown): HttpResponse | undefined {
  if (HooklatchError.is(error, "body_aborted")) return undefined;
  if (!HooklatchError.is(error)) throw error;
  const [status, title] = {
    body_too_large: [413, "The body is too large"] as const,
    unsupported_encoding: [415, "The body is compressed"] as const,
  }[error.code as string] ?? [500, "The body was read before"];
  const answer = problem({ status, title, code: error.code, detail: error.message, retryable: false });
  // The rest of a body that was not read would be taken for the next request.
  answer.headers.connection = "close";
  return answer;
}
