/** What a route hands to `writeHead`, `write` and `end` of Node's `http`, as data. */
import { type OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { HttpResponse } from "./http.js";

export type Headers = HttpResponse["headers"];
export type Callback = ((error?: Error | null) => void) | undefined;
export type HeadArguments = Parameters<ServerResponse["writeHead"]>;

/** Checks what is noted now and sent later. Throws what `writeHead` would throw. */
export function checkHead(response: ServerResponse, args: HeadArguments): void {
  const [status] = args;
  const isPlain = args.length === 1 && !response.statusMessage;
  if (isPlain && Number.isInteger(status) && status >= 100 && status <= 999) return;
  // Node's own check, on a response that is never sent.
  const probe = new ServerResponse(response.req);
  for (const [name, value] of Object.entries(response.getHeaders())) probe.setHeader(name, value ?? "");
  probe.statusMessage = response.statusMessage;
  probe.writeHead(...args);
}

export function isChunk(value: unknown): value is string | Uint8Array {
  return typeof value === "string" || value instanceof Uint8Array;
}

/** The arguments of `write` and `end`. The bytes are a copy: the route may use its buffer again. */
export function chunkOf(args: readonly unknown[]): { bytes: Uint8Array; callback: Callback } {
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
export function headersOfHead(args: readonly unknown[]): Headers {
  const given = args.find((arg) => typeof arg === "object" && arg !== null);
  if (given === undefined) return {};
  if (!Array.isArray(given)) return lowerCase(given as OutgoingHttpHeaders);
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

export function lowerCase(headers: OutgoingHttpHeaders): Headers {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name.toLowerCase(), Array.isArray(value) ? value.map(String) : String(value)]),
  );
}
