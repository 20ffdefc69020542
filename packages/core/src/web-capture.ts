/** What a route that speaks Fetch answers, kept before its last byte leaves. */
import { concatenated } from "./bytes.js";
import type { GuardedRun } from "./guarded-run.js";
import { BODILESS, type HttpResponse } from "./http.js";
import { isEventStream, STREAM_AFTER_MS } from "./streaming.js";
import { toResponse } from "./web-response.js";

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Next = Awaited<ReturnType<Reader["read"]>>;

/**
 * Takes the response of a claimed route, and gives the one to send.
 *
 * Held until it is stored: a response that ends within `STREAM_AFTER_MS`, of at most `maxResultBytes`. Anything else, and
 * `text/event-stream`, passes through, and only its end is held.
 *
 * @throws what the response's own stream fails with, before anything of it has left; the caller then releases the key
 */
export async function captureResponse(
  response: Response,
  run: GuardedRun,
  method: string,
): Promise<Response> {
  const { status, statusText, body } = response;
  let { headers } = response;
  // A protocol switch or a network error has no body to keep, and cannot be made anew.
  if (status < 200 || status > 599) {
    await run.finishUnkept(status === 0 ? 500 : status);
    return response;
  }
  const reader: Reader | undefined = body?.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  let pending: Promise<Next> | undefined;
  const until = performance.now() + (isEventStream(headers.get("content-type")) ? 0 : STREAM_AFTER_MS);
  while (reader !== undefined) {
    let next: Next | undefined;
    // One that is too large already need not show how it goes on.
    if (length <= run.maxResultBytes) {
      pending = reader.read();
      next = await inTime(pending, until);
    }
    if (next === undefined) {
      run.streams(status);
      const rest = passThrough(reader, { chunks, pending, announced: announcedLength(headers) }, run, status);
      return new Response(rest, { status, statusText, headers });
    }
    pending = undefined;
    if (next.done) break;
    chunks.push(next.value);
    length += next.value.byteLength;
  }
  const isEmpty = length === 0 && (method === "HEAD" || BODILESS.has(status) || body === null);
  const bytes = isEmpty ? null : concatenated(chunks, length);
  if (bytes !== null && isTextOnBun(headers, bytes)) {
    headers = new Headers(headers);
    headers.set("content-type", "text/plain;charset=utf-8");
  }
  const instead = await run.finish({ status, headers: plain(headers), body: bytes });
  if (instead !== undefined) return toResponse(instead, method);
  return new Response(bytes as Uint8Array<ArrayBuffer> | null, { status, statusText, headers });
}

/** What was read so far, and the rest as it comes. Its end waits for the store; where a second run is possible it becomes an error. */
function passThrough(
  reader: Reader,
  begun: { chunks: Uint8Array[]; pending: Promise<Next> | undefined; announced: number },
  run: GuardedRun,
  status: number,
): ReadableStream<Uint8Array> {
  const { chunks, announced } = begun;
  let { pending } = begun;
  let passed = 0;
  const next = async (): Promise<Next> => {
    const value = chunks.shift();
    if (value !== undefined) return { done: false, value };
    const read = pending ?? reader.read();
    pending = undefined;
    return read;
  };
  const settle = async (): Promise<void> => {
    if (!(await run.finishUnkept(status)))
      throw new Error("The end of this response is not confirmed by the store.");
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await next();
        passed += value?.byteLength ?? 0;
        // The last byte of a response that has announced its length ends it.
        if (done || passed >= announced) await settle();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        // Some of it has left.
        await run.finishUnkept(status);
        controller.error(error);
      }
    },
    async cancel(reason) {
      await run.finishUnkept(status);
      await reader.cancel(reason);
    },
  });
}

/**
 * Fetch gives a response that is made of a string its type (§5.2, extract a body). Bun only sends it, and does not show it; and it would
 * call the same bytes, in a response made anew, `application/octet-stream`.
 */
function isTextOnBun(headers: Headers, bytes: Uint8Array): boolean {
  if (!("Bun" in globalThis) || headers.has("content-type")) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function announcedLength(headers: Headers): number {
  return Number(headers.get("content-length") ?? Number.POSITIVE_INFINITY);
}

/** `undefined` when `until` comes first; the promise goes on. */
async function inTime<T>(work: Promise<T>, until: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), Math.max(0, until - performance.now()));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function plain(headers: Headers): HttpResponse["headers"] {
  const all: HttpResponse["headers"] = {};
  headers.forEach((value, name) => {
    all[name] = value;
  });
  return all;
}
