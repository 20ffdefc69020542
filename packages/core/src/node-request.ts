/** A request on Node's `http` as plain data: raw headers, and the raw body within a limit. */
import type { IncomingMessage } from "node:http";
import { aborted, alreadyRead, tooLarge } from "./body-errors.js";
import { concatenated } from "./bytes.js";
import { HooklatchError } from "./errors.js";
import type { HttpHeaders, HttpResponse } from "./http.js";
import { announcesBody, discard } from "./node-body.js";
import { refusalOf } from "./refusal.js";

/**
 * Headers from `rawHeaders`, where repeats are still visible: lower-case names, null prototype, an array for a repeated one. A host that
 * makes up its requests may know no raw ones: then those that there are.
 */
export function headersOf(request: IncomingMessage): HttpHeaders {
  const headers: Record<string, string | string[]> = Object.create(null);
  const rawHeaders = request.rawHeaders ?? [];
  if (rawHeaders.length === 0) return Object.assign(headers, request.headers);
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
  return bodyBefore(request, maxBytes) ?? readStream(request, maxBytes);
}

/** The body, if it is there without reading. */
function bodyBefore(request: IncomingMessage & { body?: unknown }, maxBytes: number): Uint8Array | undefined {
  const { body } = request;
  if (body instanceof Uint8Array) {
    if (body.byteLength > maxBytes) throw tooLarge(maxBytes);
    return body;
  }
  if (request.readableEnded || request.readableDidRead) {
    // A request without a body that a parser has looked at is as good as unread.
    if (!announcesBody(request)) return new Uint8Array(0);
    throw alreadyRead(ALREADY_READ);
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
  return undefined;
}

const ALREADY_READ =
  "A body parser such as express.json() has read the body before this route, so its raw bytes are gone. Mount this route before the " +
  'parser, or give the route express.raw({ type: "*/*" }).';

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
      request.off("data", onData);
      discard(request);
      reject(tooLarge(maxBytes));
    };
    // What comes first decides. Nobody takes the listeners off: they go with the request, and a promise that is settled stays as it is.
    const onEnd = (): void => resolve(concatenated(chunks, length));
    const onGone = (cause?: unknown): void => {
      if (!request.readableEnded) reject(aborted(cause));
    };
    // Gone while other middleware was busy: no event would ever come.
    if (request.destroyed) return onGone(request.errored ?? undefined);
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
  });
}

/**
 * The response for a request whose body could not be read; `undefined` when the sender is gone and nobody would read one. Throws on what
 * `readBody` does not throw.
 */
export function unreadable(error: unknown): HttpResponse | undefined {
  if (HooklatchError.is(error, "body_aborted")) return undefined;
  if (!HooklatchError.is(error)) throw error;
  const answer = refusalOf(error).response;
  // The rest of a body that was not read would be taken for the next request.
  answer.headers.connection = "close";
  return answer;
}
