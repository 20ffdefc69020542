/** A Fetch request as plain data. */
import { concatenated } from "./bytes.js";
import { HooklatchError } from "./errors.js";
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
  const { pathname, search } = new URL(request.url);
  return pathname + search;
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
    throw new HooklatchError("body_already_read", text);
  }
  const tooLarge = () => new HooklatchError("body_too_large", `The body is larger than ${maxBytes} bytes.`);
  // Hosts know what to do with a body that nobody has begun to read, and keep the connection.
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
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
      const text = "The sender disconnected before the body was complete.";
      throw new HooklatchError("body_aborted", text, { cause, retryable: true });
    }
    if (next.done) return concatenated(chunks, length);
    length += next.value.byteLength;
    if (length > maxBytes) {
      // Not waited for: of two that share a body, none ends before the other.
      reader.cancel().catch(() => {});
      if (keep) request.body?.cancel().catch(() => {});
      throw tooLarge();
    }
    chunks.push(next.value);
  }
}
