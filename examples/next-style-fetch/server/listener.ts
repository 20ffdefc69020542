/** Between Node's `http` and Fetch: a request in, a response out. Hosts that speak Fetch do this by themselves. */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

export function listenerOf(answer: (request: Request) => Promise<Response>): RequestListener {
  return async (request, response) => {
    try {
      await send(await answer(requestOf(request)), response);
    } catch (error) {
      console.error(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    }
  };
}

function requestOf(request: IncomingMessage): Request {
  const { method = "GET", url = "/", rawHeaders } = request;
  const headers = new Headers();
  for (let n = 0; n < rawHeaders.length; n += 2) headers.append(rawHeaders[n] ?? "", rawHeaders[n + 1] ?? "");
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? (Readable.toWeb(request) as unknown as BodyInit) : null;
  // `duplex`: a stream as a body asks for it; the type of the DOM does not know it.
  const init: RequestInit & { duplex: "half" } = { method, headers, body, duplex: "half" };
  return new Request(new URL(url, `http://${headers.get("host") ?? "localhost"}`), init);
}

async function send({ status, headers, body }: Response, response: ServerResponse): Promise<void> {
  // Cookies stay apart; everything else may be joined.
  const cookies = headers.getSetCookie();
  response.writeHead(status, {
    ...Object.fromEntries(headers),
    ...(cookies.length > 0 ? { "set-cookie": cookies } : {}),
  });
  if (body === null) response.end();
  else await pipeline(Readable.fromWeb(body as ReadableStream), response);
}
