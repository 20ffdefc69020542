/** Bodies that are too large, compressed, cut off, or that lie about their length; on real sockets. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { gzipSync } from "node:zlib";
import { HooklatchError, memoryStore } from "@hooklatch/core";
import { readBody } from "@hooklatch/core/node";
import { withIdempotency } from "@hooklatch/express";
import { describe, expect, test, vi } from "vitest";
import { afterTest, closing, dial, listen, MAJORS, send } from "./support/server.js";

const LIMIT = 1_000;
const HEAD = "POST /hooks HTTP/1.1\r\nhost: x\r\n";
const chunked = (data: string) => `${data.length.toString(16)}\r\n${data}\r\n`;

describe.each(MAJORS)("%s", (_, express) => {
  async function serving() {
    const store = memoryStore();
    const handler = vi.fn();
    const app = express();
    app.post(
      "/hooks",
      closing(withIdempotency(handler, { store, scope: "hooks", maxBodyBytes: LIMIT, worker: false })),
    );
    const server = await listen(app);
    const nothingStored = async () => {
      expect(await store.stats()).toMatchObject({ running: 0, waiting: 0, completed: 0, dead: 0 });
      expect(handler).not.toHaveBeenCalled();
    };
    return { ...server, handler, nothingStored };
  }

  /** After whatever happened, the server serves. */
  async function survives(server: Awaited<ReturnType<typeof serving>>) {
    await server.nothingStored();
    expect((await send(server, "/hooks", { body: "x".repeat(LIMIT) })).status).toBe(200);
  }

  test.each<[string, Record<string, string | number>]>([
    ["with its length", {}],
    ["chunked", { "transfer-encoding": "chunked" }],
  ])("one byte over the limit, %s: 413 and the connection ends", async (_, headers) => {
    const server = await serving();
    const answer = await send(server, "/hooks", { body: "x".repeat(LIMIT + 1), headers });
    expect(answer.status).toBe(413);
    expect(answer.headers).toMatchObject({ connection: "close", "content-type": "application/problem+json" });
    expect(answer.json()).toMatchObject({ code: "body_too_large", retryable: false });
    await survives(server);
  });

  test("a length over the limit is refused before the body comes", async () => {
    const server = await serving();
    const line = dial(server);
    line.write(`${HEAD}content-length: 1000000000000\r\n\r\n`);
    expect(await line.status()).toBe("413");
    await line.closed();
    await survives(server);
  });

  test("chunks that never stop: 413 as soon as it is too much, and the connection ends", async () => {
    const server = await serving();
    const line = dial(server);
    line.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const chunk = chunked("x".repeat(64 * 1024));
    let ended = false;
    void line.closed().then(() => {
      ended = true;
    });
    let sent = 0;
    while (!ended && sent < 200 * 1024 * 1024) {
      sent += chunk.length;
      if (!line.write(chunk)) await Promise.race([once(line.socket, "drain").catch(() => {}), line.closed()]);
    }
    await line.closed();
    expect(sent, "the server cuts the connection").toBeLessThan(50 * 1024 * 1024);
    await survives(server);
  });

  test("a 50 MB upload: the server keeps little of it, whatever the client still sends", async () => {
    const server = await serving();
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const line = dial(server);
    line.write(`${HEAD}content-length: ${50 * 1024 * 1024}\r\n\r\n`);
    const piece = Buffer.alloc(64 * 1024, "x");
    for (let sent = 0; sent < 50 * 1024 * 1024 && !line.socket.destroyed; sent += piece.length) {
      if (!line.write(piece)) await Promise.race([once(line.socket, "drain").catch(() => {}), line.closed()]);
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    await line.closed();
    expect(most).toBeLessThan(20 * 1024 * 1024);
    await survives(server);
  });

  test("the sender of 5 MB can read the answer before the connection ends", async () => {
    const server = await serving();
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      const answer = await send(server, "/hooks", { body: "x".repeat(1024 * 1024), headers });
      expect(answer.status).toBe(413);
    }
    await survives(server);
  });

  test.each(["gzip", "GZIP", "br", "deflate, gzip", "identity, gzip"])(
    "content-encoding %s: 415, nothing stored",
    async (encoding) => {
      const server = await serving();
      const answer = await send(server, "/hooks", {
        body: gzipSync("{}"),
        headers: { "content-encoding": encoding },
      });
      expect(answer.status).toBe(415);
      expect(answer.json()).toMatchObject({ code: "unsupported_encoding", status: 415, retryable: false });
      expect((answer.json() as { detail: string }).detail).toContain("express.raw(");
      await survives(server);
    },
  );

  test("content-encoding identity is none", async () => {
    const server = await serving();
    const answer = await send(server, "/hooks", { body: "{}", headers: { "content-encoding": "Identity" } });
    expect(answer.status).toBe(200);
  });

  test.each([
    ["with a length", "content-length: 500\r\n\r\nhalf of it"],
    ["chunked", `transfer-encoding: chunked\r\n\r\n${chunked("half of it")}`],
  ])("a sender that goes away in the middle of a body (%s): nothing stored, no crash", async (_, rest) => {
    const server = await serving();
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    afterTest(() => process.off("unhandledRejection", unhandled));
    const gone = once(server.server, "request").then(async ([request]) => {
      if (!request.closed) await new Promise((resolve) => request.once("close", resolve));
    });
    const line = dial(server);
    line.write(HEAD + rest);
    await once(server.server, "request");
    line.socket.destroy();
    await gone;
    await new Promise((resolve) => setImmediate(resolve));
    await survives(server);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test("a malformed request ends its connection, not the server", async () => {
    const server = await serving();
    for (const rest of [
      "content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
      "transfer-encoding: chunked\r\n\r\nzz\r\n",
    ]) {
      const line = dial(server);
      line.write(HEAD + rest);
      await line.closed();
    }
    await survives(server);
  });
});

describe("readBody", () => {
  /** Gives a request to `read` at the moment that `ready` says. */
  async function reading(ready: (request: IncomingMessage) => Promise<unknown>, write: string) {
    let read!: (outcome: unknown) => void;
    const outcome = new Promise<unknown>((resolve) => {
      read = resolve;
    });
    const server = createServer((request, response) => {
      void ready(request)
        .then(() => readBody(request, LIMIT))
        .then(read, read)
        .finally(() => response.end());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    afterTest(() => {
      server.closeAllConnections();
      server.close();
    });
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(write);
    const given = new Promise<unknown>((resolve) =>
      setTimeout(() => resolve("no answer within 2 s"), 2_000).unref(),
    );
    return { socket, outcome: Promise.race([outcome, given]) };
  }

  test("a sender that went away before anyone read: body_aborted, not a promise that never settles", async () => {
    let arrived!: () => void;
    const arriving = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const { socket, outcome } = await reading(async (request) => {
      arrived();
      await new Promise<void>((resolve) => request.once("close", () => resolve()).on("error", () => {}));
    }, `${HEAD}content-length: 500\r\n\r\nhalf`);
    await arriving;
    socket.destroy();
    expect(HooklatchError.is(await outcome, "body_aborted")).toBe(true);
  });

  test("a body that arrived before anyone read is still there", async () => {
    const wait = () => new Promise((resolve) => setTimeout(resolve, 30));
    const { outcome } = await reading(wait, `${HEAD}content-length: 5\r\n\r\nwhole`);
    expect(Buffer.from((await outcome) as Uint8Array).toString()).toBe("whole");
  });

  test("what middleware read by itself is gone: body_already_read", async () => {
    const drain = async (request: IncomingMessage) => {
      for await (const _ of request);
    };
    const { outcome } = await reading(drain, `${HEAD}content-length: 5\r\n\r\nwhole`);
    expect(HooklatchError.is(await outcome, "body_already_read")).toBe(true);
  });

  test("no body, and middleware that looked for one: empty", async () => {
    const drain = async (request: IncomingMessage) => {
      for await (const _ of request);
    };
    const { outcome } = await reading(drain, `${HEAD}content-length: 0\r\n\r\n`);
    expect(await outcome).toEqual(new Uint8Array(0));
  });
});
