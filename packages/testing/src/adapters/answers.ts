/** Answers of routes, in a word. */
import type { RouteAnswer } from "./harness.js";

type Headers = RouteAnswer["headers"];

export function json(value: object, status = 200, headers: Headers = []): RouteAnswer {
  return { kind: "json", value, status, headers };
}

export function text(content: string, status = 200, headers: Headers = []): RouteAnswer {
  return { kind: "text", text: content, status, headers };
}

export function bytes(content: Uint8Array, headers: Headers = []): RouteAnswer {
  return { kind: "bytes", bytes: content, status: 200, headers };
}

export function empty(status: number, headers: Headers = []): RouteAnswer {
  return { kind: "empty", status, headers };
}

export function redirect(location: string, status = 303): RouteAnswer {
  return { kind: "redirect", location, status, headers: [] };
}

const PLAIN: Headers = [["content-type", "text/plain"]];

/** One chunk after the other, at once or as they come. */
export function chunks(from: AsyncIterable<string> | readonly string[], status = 200): RouteAnswer {
  return { kind: "chunks", chunks: encoded(from), status, headers: PLAIN };
}

export function stream(
  from: AsyncIterable<string> | readonly string[],
  status = 200,
  headers: Headers = [],
): RouteAnswer {
  return { kind: "stream", chunks: encoded(from), status, headers: [...PLAIN, ...headers] };
}

export function events(from: AsyncIterable<string>): RouteAnswer {
  return { kind: "events", events: from, status: 200, headers: [] };
}

async function* encoded(from: AsyncIterable<string> | readonly string[]): AsyncGenerator<Uint8Array> {
  for await (const one of from) yield Buffer.from(one);
}

/** What a broken route throws. Always the same, because some frameworks show where it comes from. */
export function broken(): Error {
  const error = new Error("The route is broken.");
  error.stack = "Error: The route is broken.\n    at route (app.js:1:1)";
  return error;
}
