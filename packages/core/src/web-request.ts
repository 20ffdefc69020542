/** A Fetch request as plain data. */

import { aborted, alreadyRead, tooLarge } from "./body-errors.js";
import { concatenated } from "./bytes.js";
import type { HttpHeaders } from "./http.js";

/** Lower-case names, null prototype. A repeated header arrives joined with commas, which no `Idempotency-Key` may hold. */
export function headersOf(headers: Headers): HttpHeaders {
  const plain: Record<string, string> = Object.create(null);
  headers.forEach((value, name) => {
    plain[name] = value;
  });
  return plain;
}

/** The original path and query. */
export function pathOf(request: Request): string {
  // The URL of a request is serialised already (Fetch §5.4), so that nothing needs to be parsed.
  const { url } = request;
  const from = url.indexOf("/", url.indexOf("://") + 3);
  const to = url.indexOf("#");
  return from < 0 ? "/" : url.slice(from, to < 0 ? undefined : to);
}

/**
 * The raw body. `keep`: the request stays readable for somebody else.
 *
 * @throws {HooklatchError} `body_too_large`, `body_already_read`, `body_aborted`
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  { keep = false } = {},
): Promise<Uint8Array> {
  if (request.bodyUsed) {
    const text =
      "Something has read the body before this handler, so its raw bytes are gone. Let this handler read it first.";
    throw alreadyRead(text);
  }
  // Hosts know what to do with a body that nobody has begun to read, and keep the connection.
  const announced = request.headers.get("content-length");
  if (Number(announced ?? 0) > maxBytes) throw tooLarge(maxBytes);
  // Its length is known: there is nothing to be cut off, and no stream is needed, which hosts that have none yet would have to make.
  if (!keep && announced !== null) return readWhole(request, maxBytes);
  const { body } = keep ? request.clone() : request;
  if (body === null) return new Uint8Array(0);
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    let next: Awaited<ReturnType<typeof reader.read>>;
    try {
      next = await reader.read();
    } catch (cause) {
      throw aborted(cause);
    }
    if (next.done) return concatenated(chunks, length);
    length += next.value.byteLength;
    if (length > maxBytes) {
      // Not waited for: of two that share a body, none ends before the other.
      reader.cancel().catch(() => {});
      if (keep) request.body?.cancel().catch(() => {});
      throw tooLarge(maxBytes);
    }
    chunks.push(next.value);
  }
}

async function readWhole(request: Request, maxBytes: number): Promise<Uint8Array> {
  let bytes: ArrayBuffer;
  try {
    bytes = await request.arrayBuffer();
  } catch (cause) {
    throw aborted(cause);
  }
  // One that was made up by somebody may have announced anything.
  if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
  return new Uint8Array(bytes);
}
