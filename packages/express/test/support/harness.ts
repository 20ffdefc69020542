/** The contract's routes as an Express app would write them. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { idempotency, mount, withIdempotency } from "@hooklatch/express";
import {
  type AdapterHarness,
  type AppSpec,
  nativeOptions,
  type Route,
  type RouteAnswer,
  type RouteCall,
} from "@hooklatch/testing";
import type { default as Express, Request, RequestHandler, Response } from "express";
import multer from "multer";

/** `promises`: this major handles what a route rejects with (5); in the other one (4) a route says so itself. */
export function expressHarness(
  express: typeof Express,
  basePath: string,
  { promises }: { promises: boolean },
): AdapterHarness {
  const upload = multer().any();

  async function serve({ guarded = [], plain = {}, webhooks = {}, mounted = {} }: AppSpec) {
    const app = express();
    // Says nothing about the errors of routes.
    app.set("env", "test");
    const router = express.Router();
    const closing: { close: ReturnType<typeof withIdempotency>["close"] }[] = [];
    for (const { options, routes } of guarded) {
      const guard = idempotency(nativeOptions(options, headOf));
      closing.push(guard);
      for (const [path, route] of Object.entries(routes)) router.all(path, guard, handlerOf(route));
    }
    for (const [path, route] of Object.entries(plain)) router.all(path, handlerOf(route));
    for (const [path, { handler, options }] of Object.entries(webhooks)) {
      const webhook = withIdempotency(handler, options);
      closing.push(webhook);
      router.post(path, webhook);
    }
    for (const [path, handler] of Object.entries(mounted)) router.use(path, mount(handler));
    app.use(basePath === "" ? "/" : basePath, router);
    const server = await new Promise<Server>((resolve) => {
      const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
    });
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async drain(options?: { drainMs?: number }) {
        await Promise.all(closing.map((one) => one.close(options)));
      },
      async close() {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      },
    };
  }

  function handlerOf(route: Route): RequestHandler {
    return (request, response, next) => {
      const answered = answering(route, request, response);
      if (promises) return answered;
      answered?.catch(next);
    };
  }

  function callOf(request: Request, response: Response): RouteCall {
    const parsedBy = async (parser: RequestHandler): Promise<Request> => {
      await new Promise<void>((resolve, reject) => {
        parser(request, response, (error?: unknown) => (error ? reject(error as Error) : resolve()));
      });
      return request;
    };
    return {
      ...headOf(request),
      method: request.method,
      url: request.originalUrl,
      json: async () => (await parsedBy(express.json())).body,
      text: async () => (await parsedBy(express.text())).body,
      async bytes() {
        const { body } = await parsedBy(express.raw({ limit: "10mb" }));
        return body instanceof Uint8Array ? body : new Uint8Array(0);
      },
      async form() {
        const { body, files } = (await parsedBy(upload)) as unknown as Uploaded;
        const fields = Object.entries(body);
        return [
          ...fields.map(([name, value]) => ({ name, bytes: Buffer.from(value) })),
          ...files.map(({ fieldname: name, originalname: filename, buffer }) => {
            return { name, filename, bytes: buffer };
          }),
        ];
      },
      gone: () => new Promise((resolve) => response.once("close", resolve)),
    };
  }

  function answering(route: Route, request: Request, response: Response): Promise<void> | undefined {
    const answer = route(callOf(request, response));
    if (answer instanceof Promise) return answer.then((given) => send(response, given));
    return send(response, answer);
  }

  return { serve, basePath };
}

/** What multer makes of a form. */
interface Uploaded {
  body: Record<string, string>;
  files: { fieldname: string; originalname: string; buffer: Buffer }[];
}

function headOf(request: { headers: Request["headers"] }) {
  return { header: (name: string) => request.headers[name]?.toString() };
}

function send(response: Response, answer: RouteAnswer): Promise<void> | undefined {
  response.status(answer.status);
  for (const [name, value] of answer.headers) response.append(name, value);
  switch (answer.kind) {
    case "json":
      response.json(answer.value);
      return;
    case "text":
      response.send(answer.text);
      return;
    case "bytes":
      response.send(Buffer.from(answer.bytes));
      return;
    case "empty":
      response.end();
      return;
    case "redirect":
      response.redirect(answer.status, answer.location);
      return;
    case "chunks":
      return write(response, answer.chunks);
    case "stream": {
      const source = Readable.from(answer.chunks);
      source.on("error", (error) => response.destroy(error)).pipe(response);
      return;
    }
    case "events":
      response.writeHead(answer.status, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      return write(response, eventsOf(answer.events));
  }
}

async function* eventsOf(events: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const event of events) yield `data: ${event}\n\n`;
}

async function write(response: Response, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
  for await (const chunk of chunks) response.write(chunk);
  response.end();
}
