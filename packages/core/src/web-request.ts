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
 * The raw body, read from the request itself. Give it a clone if somebody else is to read it too.
 *
 * @throws {HooklatchError} `body_too_large`, `body_already_read`, `body_aborted`
 */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (request.bodyUsed) {
    const text =
      "Something has read the body before this handler, so its raw bytes are gone. Let this handler read it first.";
    throw new HooklatchError("body_already_read", text);
  }
  if (request.body === null) return new Uint8Array(0);
  const reader = request.body.getReader();
  const tooLarge = async (): Promise<HooklatchError> => {
    await reader.cancel().catch(() => {});
    return new HooklatchError("body_too_large", `The body is larger than ${maxBytes} bytes.`);
  };
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw await tooLarge();
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
    if (length > maxBytes) throw await tooLarge();
    chunks.push(next.value);
  }
}
