/** Hosts that are not Node's HTTP/1.1 server: one that makes up its requests, as serverless-http does, and HTTP/2. */
import { once } from "node:events";
import { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { Writable } from "node:stream";
import { memoryStore } from "@hooklatch/core";
import { type ExpressRequest, idempotency } from "@hooklatch/express";
import { expect, test, vi } from "vitest";
import { afterTest, closing } from "./support/server.js";

/** Its socket is a plain object, it knows no raw headers, and says that it is complete before it was read. */
function madeUp(body: string): ExpressRequest {
  const socket = { encrypted: true, readable: false, remoteAddress: "127.0.0.1", destroy() {}, end() {} };
  const request = new IncomingMessage(socket as unknown as Socket);
  Object.assign(request, {
    httpVersion: "1.1",
    complete: true,
    method: "POST",
    url: "/orders",
    originalUrl: "/orders",
    baseUrl: "",
    headers: { "idempotency-key": "k", "content-type": "text/plain", "content-length": `${body.length}` },
  });
  request._read = () => {
    request.push(body);
    request.push(null);
  };
  return request as ExpressRequest;
}

test.each(["with its request", "with a request of its own"])(
  "a request that was made up, a response %s",
  async (which) => {
    const guard = closing(idempotency({ store: memoryStore(), scope: "orders", tenant: false }));
    const run = vi.fn();
    const answer = async (body: string) => {
      const request = madeUp(body);
      const response = new ServerResponse(
        which === "with its request" ? request : ({ method: "POST" } as IncomingMessage),
      );
      let sent = "";
      const sink = new Writable({
        write(chunk, _encoding, done) {
          sent += chunk;
          done();
        },
      });
      response.assignSocket(sink as unknown as Socket);
      const finished = once(response, "finish");
      guard(request, response, (error) => {
        expect(error).toBeUndefined();
        run();
        let text = "";
        request.on("data", (chunk) => (text += chunk)).on("end", () => response.end(text));
      });
      await finished;
      return sent;
    };
    expect(await answer("ab")).toMatch(/^HTTP\/1\.1 200 .*ab$/s);
    expect(await answer("ab")).toMatch(/^HTTP\/1\.1 200 .*idempotent-replayed: true.*ab$/is);
    expect(await answer("cd")).toMatch(/^HTTP\/1\.1 422 /);
    expect(run).toHaveBeenCalledOnce();
  },
);

test("HTTP/2: refused before the store is asked", async () => {
  const store = memoryStore();
  const guard = closing(idempotency({ store, scope: "orders", tenant: false }));
  const next = vi.fn();
  const server = createServer((request, response) => {
    Object.assign(request, { originalUrl: request.url, baseUrl: "" });
    guard(request as unknown as ExpressRequest, response as unknown as ServerResponse, next);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  afterTest(() => {
    session.close();
    server.close();
  });
  const stream = session.request({ ":method": "POST", ":path": "/orders", "idempotency-key": "k" });
  let body = "";
  stream.setEncoding("utf8").on("data", (chunk) => (body += chunk));
  stream.end("ab");
  const [headers] = await once(stream, "response");
  await once(stream, "end");
  expect([headers[":status"], JSON.parse(body)]).toMatchObject([
    500,
    { code: "invalid_option", detail: expect.stringContaining("HTTP/2"), retryable: false },
  ]);
  expect(next).not.toHaveBeenCalled();
  expect(await store.get({ scope: "orders", key: "k" })).toBeUndefined();
});
