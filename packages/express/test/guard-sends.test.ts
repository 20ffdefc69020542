/** Whatever a route can send leaves as it would without the guard, and comes back from the store as the same bytes. */
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { RequestHandler } from "express";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { guarding, rawAnswer } from "./support/guarding.js";
import { MAJORS } from "./support/server.js";

let folder: string;
const file = (): string => join(folder, "order.bin");
const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, n) => (n * 7) % 256));
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hooklatch-sends-"));
  writeFileSync(file(), BYTES);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* pieces(): AsyncGenerator<Buffer> {
  for (let n = 0; n < 5; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    yield BYTES.subarray(n * 100, n * 100 + 100);
  }
}

const ROUTES: [what: string, route: RequestHandler][] = [
  ["json", (_, r) => void r.json({ total: 1e21, name: "Ünïcode" })],
  ["send, a string", (_, r) => void r.send("Grüße")],
  ["send, a Buffer", (_, r) => void r.send(BYTES)],
  ["send, another status and type", (_, r) => void r.status(418).type("text/csv").send("a,b")],
  ["end, nothing", (_, r) => void r.end()],
  ["end, a string with its encoding", (_, r) => void r.end("c3BlYw==", "base64")],
  ["end, a string in latin1", (_, r) => void r.end("Grüße", "latin1")],
  ["end, what counts as nothing", (_, r) => void r.end(0 as never)],
  ["end, only a callback", (_, r) => void r.end(() => {})],
  [
    "write and end",
    (_, r) => {
      r.write("a");
      r.write(Buffer.from([0, 255]));
      r.end("c");
    },
  ],
  [
    "write of nothing and end",
    (_, r) => {
      r.write("");
      r.end("c");
    },
  ],
  [
    "write and a later end",
    (_, r) => {
      r.write("a");
      setImmediate(() => r.end("b"));
    },
  ],
  ["writeHead alone", (_, r) => void r.writeHead(201).end()],
  ["writeHead, an object", (_, r) => void r.writeHead(202, { "X-A": "1", ETag: '"e"' }).end("x")],
  [
    "writeHead over setHeader",
    (_, r) => void r.setHeader("etag", '"1"').writeHead(200, { etag: '"2"' }).end("x"),
  ],
  [
    "writeHead, a flat array",
    (_, r) => void r.writeHead(200, ["X-A", "1", "Content-Type", "text/x"]).end("x"),
  ],
  ["writeHead, a status message", (_, r) => void r.writeHead(200, "Fine", { "x-a": "1" }).end("x")],
  ["writeHead with a length", (_, r) => void r.writeHead(200, { "content-length": 3 }).end("abc")],
  [
    "a status message",
    (_, r) => {
      r.statusMessage = "Fine";
      r.end("x");
    },
  ],
  ["redirect", (_, r) => r.redirect(303, "/orders/1")],
  ["204", (_, r) => void r.status(204).end()],
  [
    "204 with a body that Node drops",
    (_, r) => {
      r.writeHead(204);
      r.write("x");
      r.end("y");
    },
  ],
  ["205", (_, r) => void r.sendStatus(205)],
  ["304", (_, r) => void r.status(304).set("etag", '"a"').end()],
  ["several cookies", (_, r) => void r.cookie("a", "1").cookie("b", "2").send("x")],
  [
    "trailers",
    (_, r) => {
      r.setHeader("trailer", "x-t");
      r.write("a");
      r.addTrailers({ "x-t": "1" });
      r.end("b");
    },
  ],
  ["jsonp", (_, r) => void r.jsonp({ a: 1 })],
  ["sendFile", (_, r) => r.sendFile(file())],
  ["download", (_, r) => r.download(file(), "order 1.bin")],
  ["pipe of a file", (_, r) => void createReadStream(file(), { highWaterMark: 1_000 }).pipe(r)],
  ["pipe of a slow stream", (_, r) => void Readable.from(pieces()).pipe(r)],
  ["pipe by way of another stream", (_, r) => void Readable.from(pieces()).pipe(new PassThrough()).pipe(r)],
  ["pipeline", async (_, r) => pipeline(Readable.from(pieces()), r)],
  [
    "write that waits for its callback",
    async (_, r) => {
      for (const chunk of ["a", "b", "c"]) await new Promise((resolve) => r.write(chunk, resolve));
      await new Promise<void>((resolve) => r.end(resolve));
    },
  ],
  [
    "cork and uncork",
    (_, r) => {
      r.cork();
      r.write("a");
      r.write("b");
      r.uncork();
      r.end();
    },
  ],
  [
    "a route that awaits its own end",
    async (_, r) => {
      const finished = new Promise((resolve) => r.once("finish", resolve));
      r.json({ a: 1 });
      await finished;
    },
  ],
];

/** Not what was sent, but how; or for the first client alone: see REPLAYED_HEADERS. */
const FIRST_ONLY =
  /^(set-cookie|date|connection|keep-alive|transfer-encoding|content-length|trailer|vary|accept-ranges|x-.*)$/;

describe.each(MAJORS)("%s", (_, express) => {
  test.each(ROUTES)("%s", async (_name, route) => {
    const server = await guarding(express, route);
    const plain = await rawAnswer(server, "k", { path: "/plain" });
    expect(await rawAnswer(server, "raw")).toBe(plain);
    const first = await server.send("k");
    const again = await server.send("k");
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(again.headers["idempotent-replayed"]).toBe("true");
    for (const [name, value] of Object.entries(first.headers)) {
      if (!FIRST_ONLY.test(name)) expect(again.headers[name], name).toBe(value);
    }
    expect(again.headers).not.toHaveProperty("set-cookie");
    expect(server.runs()).toBe(2);
  });

  test.each(ROUTES.filter(([name]) => !/205|trailers/.test(name)))("HEAD: %s", async (_name, route) => {
    const server = await guarding(express, route, { methods: ["HEAD"] });
    const plain = await rawAnswer(server, "k", { path: "/plain", method: "HEAD" });
    expect(await rawAnswer(server, "raw", { method: "HEAD" })).toBe(plain);
    const first = await server.send("k", { method: "HEAD" });
    const again = await server.send("k", { method: "HEAD" });
    expect([again.status, again.body.length]).toEqual([first.status, 0]);
    expect(again.headers["content-length"]).toBe(first.headers["content-length"]);
    expect(again.headers.etag).toBe(first.headers.etag);
    expect(server.runs()).toBe(2);
  });

  test("a buffer that the route uses again: what it held when it was written", async () => {
    const server = await guarding(express, (_, r) => {
      const buffer = Buffer.from("first ");
      r.write(buffer);
      buffer.write("second");
      r.end(buffer);
      buffer.fill(0);
    });
    for (let n = 0; n < 2; n++) expect((await server.send("k")).body.toString()).toBe("first second");
  });

  test("Range: a part stays a part", async () => {
    const server = await guarding(express, (_, r) => r.sendFile(file()), { methods: ["GET"] });
    const sending = { method: "GET", headers: { range: "bytes=10-19" } };
    const first = await server.send("k", sending);
    const again = await server.send("k", sending);
    expect([first.status, [...first.body]]).toEqual([206, [...BYTES.subarray(10, 20)]]);
    expect([again.status, again.body, again.headers["content-range"]]).toEqual([
      206,
      first.body,
      first.headers["content-range"],
    ]);
  });
});
