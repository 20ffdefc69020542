/** The contract's routes as a Fastify app would write them. */
import { Readable } from "node:stream";
import multipart from "@fastify/multipart";
import { idempotency, mount, withIdempotency } from "@hooklatch/fastify";
import {
  type AdapterHarness,
  type AppSpec,
  eventBytes,
  type FormPart,
  nativeOptions,
  type Route,
  type RouteAnswer,
  type RouteCall,
} from "@hooklatch/testing";
import Fastify, {
  type FastifyPluginAsync,
  type FastifyReply,
  type FastifyRequest,
  type RouteHandlerMethod,
} from "fastify";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

export function fastifyHarness(basePath: string): AdapterHarness {
  async function serve({ guarded = [], plain = {}, webhooks = {}, mounted = {} }: AppSpec) {
    const app = Fastify({
      bodyLimit: 10 * 1024 * 1024,
      routerOptions: { ignoreTrailingSlash: true },
      forceCloseConnections: true,
    });
    await app.register(multipart);
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    const closing: { close: ReturnType<typeof withIdempotency>["close"] }[] = [];
    const below: FastifyPluginAsync = async (routes) => {
      for (const { options, routes: those } of guarded) {
        const guard = idempotency(nativeOptions(options, headOf));
        closing.push(guard);
        for (const [url, route] of Object.entries(those)) {
          routes.route({
            method: METHODS,
            url,
            ...guard,
            handler: handlerOf(route),
            exposeHeadRoute: false,
          });
        }
      }
      for (const [url, route] of Object.entries(plain)) {
        routes.route({ method: METHODS, url, handler: handlerOf(route), exposeHeadRoute: false });
      }
      for (const [url, { handler, options }] of Object.entries(webhooks)) {
        const webhook = withIdempotency(handler, options);
        closing.push(webhook);
        routes.post(url, webhook);
      }
      for (const [prefix, handler] of Object.entries(mounted)) {
        await routes.register(mount(handler), { prefix });
      }
    };
    await app.register(below, { prefix: basePath });
    return {
      url: await app.listen({ port: 0, host: "127.0.0.1" }),
      async drain(options?: { drainMs?: number }) {
        await Promise.all(closing.map((one) => one.close(options)));
      },
      close: () => app.close(),
    };
  }
  return { serve, basePath };
}

function headOf(request: FastifyRequest) {
  return { header: (name: string) => request.headers[name]?.toString() };
}

/** Sent by whatever the handler gives back, at once or later. */
function handlerOf(route: Route): RouteHandlerMethod {
  return (request, reply) => {
    const answer = route(callOf(request, reply));
    return answer instanceof Promise ? answer.then((given) => send(reply, given)) : send(reply, answer);
  };
}

function callOf(request: FastifyRequest, reply: FastifyReply): RouteCall {
  return {
    ...headOf(request),
    method: request.method,
    url: request.originalUrl,
    json: async () => request.body,
    text: async () => request.body as string,
    bytes: async () => (request.body as Buffer | undefined) ?? new Uint8Array(0),
    async form() {
      const parts: FormPart[] = [];
      for await (const part of request.parts()) {
        const { fieldname: name } = part;
        if (part.type === "file") parts.push({ name, filename: part.filename, bytes: await part.toBuffer() });
        else parts.push({ name, bytes: Buffer.from(part.value as string) });
      }
      return parts;
    },
    gone: () => new Promise((resolve) => reply.raw.once("close", resolve)),
  };
}

function send(reply: FastifyReply, answer: RouteAnswer): FastifyReply | Promise<FastifyReply> {
  const { status } = answer;
  reply.code(status);
  // Of the headers that come more than once, only Set-Cookie adds up by itself.
  const headers = new Map<string, string[]>();
  for (const [name, value] of answer.headers) headers.set(name, [...(headers.get(name) ?? []), value]);
  for (const [name, values] of headers) reply.header(name, values.length === 1 ? values[0] : values);
  switch (answer.kind) {
    case "json":
      return reply.send(answer.value);
    case "text":
      return reply.send(answer.text);
    case "bytes":
      return reply.send(Buffer.from(answer.bytes));
    case "empty":
      return reply.send();
    case "redirect":
      return reply.redirect(answer.location, status);
    case "stream":
      return reply.send(Readable.from(answer.chunks));
    case "chunks":
      return write(reply, answer.chunks);
    case "events":
      reply.headers({ "content-type": "text/event-stream", "cache-control": "no-cache" });
      return write(reply, eventBytes(answer.events));
  }
}

/** Past Fastify, to Node's own response. */
async function write(reply: FastifyReply, chunks: AsyncIterable<Uint8Array>): Promise<FastifyReply> {
  const { raw } = reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) raw.setHeader(name, value as string);
  raw.writeHead(reply.statusCode);
  try {
    for await (const chunk of chunks) raw.write(chunk);
    raw.end();
  } catch (error) {
    // Nobody else would do anything about a hijacked reply.
    raw.destroy(error as Error);
  }
  return reply;
}
