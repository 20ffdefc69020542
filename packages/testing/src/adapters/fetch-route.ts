/** Routes of the suite as Fetch handlers, for adapters of whatever speaks Fetch. */
import type { FormPart, RequestHead, Route, RouteAnswer, RouteCall } from "./harness.js";

/** What `tenant` is given, of a Fetch request. */
export function fetchHead(request: Request): RequestHead {
  return { header: (name) => request.headers.get(name) ?? undefined };
}

/** A route as a Fetch handler. Rejects with what the route throws. */
export function fetchRoute(route: Route): (request: Request) => Promise<Response> {
  return async (request) => responseOf(await route(callOf(request)));
}

function callOf(request: Request): RouteCall {
  const { pathname, search } = new URL(request.url);
  return {
    ...fetchHead(request),
    method: request.method,
    url: pathname + search,
    json: () => request.json(),
    text: () => request.text(),
    bytes: async () => new Uint8Array(await request.arrayBuffer()),
    form: async () => formParts(await request.formData()),
    gone: () => goneOf(request.signal),
  };
}

/** The parts of a form, in their order. */
export function formParts(form: FormData): Promise<FormPart[]> {
  const parts: Promise<FormPart>[] = [];
  form.forEach((value, name) => {
    const filename = typeof value === "string" ? undefined : value.name;
    const bytes = new Response(value).arrayBuffer();
    parts.push(bytes.then((buffer) => ({ name, filename, bytes: new Uint8Array(buffer) })));
  });
  return Promise.all(parts);
}

/** Resolves when the signal of a request is aborted. */
export function goneOf(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

/** A stream that asks for one chunk at a time. */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

function responseOf(answer: RouteAnswer): Response {
  const { status } = answer;
  const headers = new Headers();
  for (const [name, value] of answer.headers) headers.append(name, value);
  switch (answer.kind) {
    case "json":
      headers.set("content-type", "application/json");
      return new Response(JSON.stringify(answer.value), { status, headers });
    case "text":
      return new Response(answer.text, { status, headers });
    case "bytes":
      return new Response(answer.bytes.slice(), { status, headers });
    case "empty":
      return new Response(null, { status, headers });
    case "redirect":
      headers.set("location", answer.location);
      return new Response(null, { status, headers });
    case "chunks":
    case "stream":
      return new Response(streamOf(answer.chunks), { status, headers });
    case "events":
      headers.set("content-type", "text/event-stream");
      return new Response(streamOf(eventBytes(answer.events)), { status, headers });
  }
}

/** Events as they travel. */
export async function* eventBytes(events: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  for await (const event of events) yield new TextEncoder().encode(`data: ${event}\n\n`);
}
