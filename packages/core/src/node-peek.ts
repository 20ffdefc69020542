/** Reads a request body on Node, and leaves it to be read again by whoever comes next: a parser, a multipart library, the route. */
import type { IncomingMessage } from "node:http";
import { aborted, alreadyRead, tooLarge } from "./body-errors.js";
import { concatenated } from "./bytes.js";
import { HooklatchError } from "./errors.js";
import { canonicalJsonText, strictJson } from "./fingerprint.js";
import { utf8 } from "./http.js";
import { announcesBody, discard } from "./node-body.js";

/** What was peeked at and has not been read to its end, and how much of it lay in the stream then. */
const peeked = new WeakMap<IncomingMessage, { body: Uint8Array; waiting: number }>();

/** Nobody has taken anything of the body yet, so whoever reads it now sees it from its beginning. */
export function isUntouched(request: IncomingMessage): boolean {
  if (request.readableEnded) return false;
  return !request.readableDidRead || peeked.get(request)?.waiting === request.readableLength;
}

/**
 * The bytes of the body, as they arrived: a compressed body stays compressed. What a parser has made of it stands in where one has read the
 * body before: bytes and text as they are, anything else as its canonical JSON.
 *
 * @throws {HooklatchError} `body_too_large`; `body_aborted`; `body_already_read` where the body is gone and nothing stands in for it, as
 *   after a multipart parser; `invalid_json` where a parser took JSON that is nested too deep to be looked at; `not_encodable` where it made
 *   something of it that JSON cannot hold
 */
export async function peekBody(
  request: IncomingMessage & { body?: unknown },
  maxBytes: number,
): Promise<Uint8Array> {
  if (!announcesBody(request)) return new Uint8Array(0);
  // By another guard: reading is what makes it look read.
  const before = peeked.get(request)?.body;
  if (before !== undefined) {
    if (before.byteLength > maxBytes) throw tooLarge(maxBytes);
    return before;
  }
  if (request.readableDidRead || request.readableEnded) return parsed(request, maxBytes);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) {
    discard(request);
    throw tooLarge(maxBytes);
  }
  return peekStream(request, maxBytes);
}

function parsed(request: IncomingMessage & { body?: unknown }, maxBytes: number): Uint8Array {
  const { body } = request;
  const type = request.headers["content-type"] ?? "";
  const isMultipart = /^multipart\//i.test(type);
  // A multipart parser puts the fields there, and the files somewhere else.
  if (body === undefined || body === null || isMultipart || (isNothing(body) && !CAN_BE_NOTHING.test(type))) {
    const text = isMultipart ? "A multipart parser" : "Something";
    throw alreadyRead(
      `${text} has read the body before the guard. Mount idempotency() before it: the body stays readable.`,
    );
  }
  const bytes = body instanceof Uint8Array ? body : utf8(typeof body === "string" ? body : jsonOf(body));
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  return bytes;
}

/** Types of which a parser makes `{}`. For any other, it is what was there before somebody read the body. */
const CAN_BE_NOTHING = /[/+]json\s*(;|$)|^application\/x-www-form-urlencoded\s*(;|$)/i;

function isNothing(body: unknown): boolean {
  if (typeof body !== "object" || body === null || Array.isArray(body) || body instanceof Uint8Array)
    return false;
  return Object.keys(body).length === 0;
}

/** Canonical, unless it is too deep or too large for that: then as it came, which is stricter. */
function jsonOf(body: unknown): string {
  try {
    const text = strictJson(body);
    return canonicalJsonText(text) ?? text;
  } catch (error) {
    // The client's doing, not the app's.
    if (HooklatchError.is(error) && error.cause instanceof RangeError) {
      throw new HooklatchError("invalid_json", "The body is nested too deep.", { cause: error });
    }
    throw error;
  }
}

/**
 * Takes the stream's chunks without ending it, and puts them back in front: a stream that has not emitted `end` can be read once more.
 * `read()` with the exact length never ends it.
 */
function peekStream(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const { readableEncoding } = request;
    const chunks: Uint8Array[] = [];
    let length = 0;
    function stop(): void {
      request.off("readable", onReadable).off("error", onGone).off("close", onGone);
    }
    function onReadable(): void {
      while (request.readableLength > 0) {
        const read = request.read(request.readableLength) as Uint8Array | string | null;
        if (read === null) break;
        // Text, where a middleware has called `setEncoding()`.
        const chunk = typeof read === "string" ? Buffer.from(read, readableEncoding ?? "utf8") : read;
        chunks.push(chunk);
        length += chunk.byteLength;
        if (length > maxBytes) {
          stop();
          discard(request);
          reject(tooLarge(maxBytes));
          return;
        }
      }
      if (!isWhole(request) || request.readableLength > 0) return;
      stop();
      const body = concatenated(chunks, length);
      if (length > 0) request.unshift(readableEncoding === null ? body : textOf(body, readableEncoding));
      peeked.set(request, { body, waiting: request.readableLength });
      request.once("end", () => peeked.delete(request));
      // By then the stream knows that nobody waits for `readable` any more, and flows again for those who listen to `data`.
      process.nextTick(resolve, body);
    }
    function onGone(cause?: unknown): void {
      stop();
      reject(aborted(cause));
    }
    // Gone while other middleware was busy: no event would ever come.
    if (request.destroyed) return onGone(request.errored ?? undefined);
    request.on("readable", onReadable).on("error", onGone).on("close", onGone);
    // All of it may be there already.
    onReadable();
  });
}

/** Everything has arrived. `complete` does not say so: hosts that make up their requests set it before they give the body. */
function isWhole(request: IncomingMessage): boolean {
  const { complete, _readableState: state } = request as {
    complete?: boolean;
    _readableState?: { ended?: boolean };
  };
  return state?.ended ?? complete === true;
}

function textOf(body: Uint8Array, encoding: BufferEncoding): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString(encoding);
}
