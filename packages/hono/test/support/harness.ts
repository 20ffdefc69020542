/** The contract's routes as a Hono app would write them. */
import { idempotency, mount, withIdempotency } from "@hooklatch/hono";
import {
  type AdapterHarness,
  type AppSpec,
  formParts,
  goneOf,
  nativeOptions,
  type Route,
  type RouteAnswer,
  type RouteCall,
  streamOf,
} from "@hooklatch/testing";
import { type Context, type Handler, Hono } from "hono";
import { stream, streamSSE } from "hono/streaming";
import type { ContentfulStatusCode, RedirectStatusCode, StatusCode } from "hono/utils/http-status";

/** Serves an app on a free port. */
export type Listen = (fetch: Hono["fetch"]) => Promise<{ url: string; close(): Promise<void> }>;

export function honoHarness(
  listen: Listen,
  basePath: string,
  without: readonly string[] = [],
): AdapterHarness {
  async function serve({ guarded = [], plain = {}, webhooks = {}, mounted = {} }: AppSpec) {
    const routes = new Hono({ strict: false });
    const closing: { close: ReturnType<typeof withIdempotency>["close"] }[] = [];
    for (const { options, routes: those } of guarded) {
      const guard = idempotency(nativeOptions(options, headOf));
      closing.push(guard);
      for (const [path, route] of Object.entries(those)) routes.all(path, guard, handlerOf(route));
    }
    for (const [path, route] of Object.entries(plain)) routes.all(path, handlerOf(route));
    for (const [path, { handler, options }] of Object.entries(webhooks)) {
      const webhook = withIdempotency(handler, options);
      closing.push(webhook);
      routes.post(path, webhook);
    }
    for (const [path, handler] of Object.entries(mounted)) routes.all(`${path}/*`, mount(handler));
    const app = new Hono({ strict: false });
    // As Hono's own, but says nothing.
    app.onError((_error, c) => c.text("Internal Server Error", 500));
    app.route(basePath === "" ? "/" : basePath, routes);
    const server = await listen(app.fetch);
    return {
      ...server,
      async drain(options?: { drainMs?: number }) {
        await Promise.all(closing.map((one) => one.close(options)));
      },
    };
  }
  return { serve, basePath, without };
}

function headOf(c: Context) {
  return { header: (name: string) => c.req.header(name) };
}

function handlerOf(route: Route): Handler {
  return (c) => {
    const answer = route(callOf(c));
    return answer instanceof Promise ? answer.then((given) => responseOf(c, given)) : responseOf(c, answer);
  };
}

function callOf(c: Context): RouteCall {
  const { pathname, search } = new URL(c.req.url);
  return {
    ...headOf(c),
    method: c.req.method,
    url: pathname + search,
    json: () => c.req.json(),
    text: () => c.req.text(),
    bytes: async () => new Uint8Array(await c.req.arrayBuffer()),
    form: async () => formParts(await c.req.formData()),
    gone: () => goneOf(c.req.raw.signal),
  };
}

function responseOf(c: Context, answer: RouteAnswer): Response {
  const { status } = answer;
  c.status(status as StatusCode);
  for (const [name, value] of answer.headers) c.header(name, value, { append: true });
  switch (answer.kind) {
    case "json":
      return c.json(answer.value);
    case "text":
      return c.text(answer.text);
    case "bytes":
      return c.body(answer.bytes.slice(), status as ContentfulStatusCode);
    case "empty":
      return c.body(null);
    case "redirect":
      return c.redirect(answer.location, status as RedirectStatusCode);
    case "chunks":
      return stream(c, async (writer) => {
        for await (const chunk of answer.chunks) await writer.write(chunk);
      });
    case "stream":
      return c.body(streamOf(answer.chunks));
    case "events":
      return streamSSE(c, async (writer) => {
        for await (const data of answer.events) await writer.writeSSE({ data });
      });
  }
}
