/** What makes two requests to a guarded route the same: method, full original path, query and body. */
import { fingerprintOf } from "./fingerprint.js";
import type { HttpHeaders, HttpRequest } from "./http.js";

/** SHA-256 as lower-case hex. The body is hashed by itself, so that it need not be copied. */
export function requestFingerprint({ method, url, headers, body }: HttpRequest): string {
  return fingerprintOf(`${method.toUpperCase()} ${url}\n${bodyFingerprint(headers, body)}`);
}

/**
 * Clients that build their form anew for a retry also choose a new boundary (RFC 2046 §5.1.1): it separates the parts, and is no part of
 * what is said. So the parts are hashed, one after the other.
 */
function bodyFingerprint(headers: HttpHeaders, body: Uint8Array): string {
  const boundary = boundaryOf(headers["content-type"]);
  if (boundary === undefined) return fingerprintOf(body);
  const delimiter = new TextEncoder().encode(`--${boundary}`);
  const find = finder(body, delimiter);
  const rest = new Uint8Array(body.byteLength);
  const lengths: number[] = [];
  let length = 0;
  let from = 0;
  while (from <= body.byteLength) {
    const end = find(from);
    const part = body.subarray(from, end);
    rest.set(part, length);
    length += part.byteLength;
    lengths.push(part.byteLength);
    from = end + delimiter.byteLength;
  }
  // With their lengths, so that nothing can move from one part to the next unseen.
  return fingerprintOf(`multipart ${lengths.join()} ${fingerprintOf(rest.subarray(0, length))}`);
}

/**
 * Looks for `wanted`, from a position on: where it begins next, or the end of the bytes. In time proportional to them (Knuth, Morris and
 * Pratt), whatever a sender chooses for either.
 */
function finder(bytes: Uint8Array, wanted: Uint8Array): (from: number) => number {
  const { byteLength } = wanted;
  /** By how many bytes a match is over: how many of them begin another one. */
  const fallback = new Uint8Array(byteLength + 1);
  for (let n = 1, known = 0; n < byteLength; n++) {
    while (known > 0 && wanted[n] !== wanted[known]) known = fallback[known] as number;
    if (wanted[n] === wanted[known]) known++;
    fallback[n + 1] = known;
  }
  return (from) => {
    let matched = 0;
    for (let at = from; at < bytes.byteLength; at++) {
      while (matched > 0 && bytes[at] !== wanted[matched]) matched = fallback[matched] as number;
      if (bytes[at] === wanted[matched]) matched++;
      if (matched === byteLength) return at + 1 - byteLength;
    }
    return bytes.byteLength;
  };
}

function boundaryOf(contentType: HttpHeaders[string]): string | undefined {
  if (typeof contentType !== "string" || !/^multipart\//i.test(contentType)) return undefined;
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  return quoted ?? bare;
}
