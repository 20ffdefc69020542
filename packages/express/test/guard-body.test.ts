/** The body of a guarded request: read for the fingerprint, and still there for whoever comes next. */
import { gzipSync } from "node:zlib";
import type { RequestHandler } from "express";
import multer from "multer";
import { describe, expect, test } from "vitest";
import { guarding, requestText } from "./support/guarding.js";
import { dial, MAJORS } from "./support/server.js";

const echo: RequestHandler = (request, response) =>
  void response.json({ body: request.body, type: typeof request.body });
const JSON_TYPE = { "content-type": "application/json" };
const BYTES = Buffer.from(Array.from({ length: 3 * 1024 * 1024 }, (_, n) => (n * 31) % 256));

function form(boundary: string, file: Buffer, field = "1"): Buffer {
  return Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="field"\r\n\r\n${field}\r\n`),
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    ),
    file,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}
const formType = (boundary: string) => ({ "content-type": `multipart/form-data; boundary=${boundary}` });

describe.each(MAJORS)("%s", (_, express) => {
  describe.each<[string, "before" | "after"]>([
    ["before the guard", "before"],
    ["after the guard", "after"],
  ])("a parser %s", (_name, where) => {
    test.each<[string, RequestHandler, Record<string, string>, string | Buffer, unknown]>([
      ["json", express.json(), JSON_TYPE, '{"b":[1,2],"a":"ü"}', { b: [1, 2], a: "ü" }],
      ["json, which allows more", express.json({ strict: false }), JSON_TYPE, "0", 0],
      ["text", express.text(), { "content-type": "text/plain" }, "Grüße", "Grüße"],
      [
        "urlencoded",
        express.urlencoded({ extended: true }),
        { "content-type": "application/x-www-form-urlencoded" },
        "a[b]=1&c=2",
        { a: { b: "1" }, c: "2" },
      ],
      [
        "raw",
        express.raw({ type: "*/*" }),
        { "content-type": "application/x" },
        Buffer.from([0, 255, 10]),
        { type: "Buffer", data: [0, 255, 10] },
      ],
      [
        "json, inflated",
        express.json(),
        { ...JSON_TYPE, "content-encoding": "gzip" },
        gzipSync('{"a":1}'),
        { a: 1 },
      ],
    ])("%s", async (_parser, parse, headers, body, parsed) => {
      const server = await guarding(express, echo, { [where]: [parse] });
      for (const sent of [headers, { ...headers, "transfer-encoding": "chunked" }]) {
        const answer = await server.send("k", { headers: sent, body });
        expect([answer.status, answer.json()]).toMatchObject([200, { body: parsed }]);
      }
      expect(server.runs()).toBe(1);
      const other = Buffer.concat([gzipSync(""), Buffer.from(body)]);
      const isPacked = headers["content-encoding"] !== undefined;
      const changed = isPacked ? gzipSync('{"a":2}') : body.toString().replace(/[12\0\u00fc0]/, "7");
      expect((await server.send("k", { headers, body: changed })).status, String(other.length)).toBe(422);
    });

    test("no body, an empty one, an empty chunked one: the same request", async () => {
      const server = await guarding(express, (_q, r) => void r.end("ok"), { [where]: [express.json()] });
      const empty = [{}, { "content-length": 0 }, { "transfer-encoding": "chunked" }];
      for (const headers of empty) expect((await server.send("k", { headers })).body.toString()).toBe("ok");
      expect(server.runs()).toBe(1);
    });

    test("JSON that is nested too deep is the client's mistake, and no 5xx", async () => {
      const parse = express.json({ limit: "1mb" });
      const server = await guarding(express, (_q, r) => void r.end("ok"), { [where]: [parse] });
      for (const depth of [100, 200, 5_000, 50_000]) {
        const body = "[".repeat(depth) + "]".repeat(depth);
        const { status } = await server.send(`k-${depth}`, { headers: JSON_TYPE, body });
        expect([200, 400], String(depth)).toContain(status);
      }
    });
  });

  test("JSON written in another way: the same after express.json(), another one for bytes", async () => {
    for (const [where, status] of [
      ["before", 200],
      ["after", 422],
    ] as const) {
      const server = await guarding(express, echo, { [where]: [express.json()] });
      await server.send("k", { headers: JSON_TYPE, body: '{"a":1,"b":2}' });
      const again = await server.send("k", { headers: JSON_TYPE, body: '{ "b": 2, "a": 1 }' });
      expect(again.status).toBe(status);
    }
  });

  test("multer after the guard: fields and file are intact, and a retry with another boundary is the same", async () => {
    const upload = multer({ storage: multer.memoryStorage() }).single("file") as RequestHandler;
    const route: RequestHandler = (request, response) =>
      void response
        .type("bin")
        .send(Buffer.concat([Buffer.from(request.body.field), request.file?.buffer ?? Buffer.alloc(0)]));
    const server = await guarding(express, route, { after: [upload], maxBodyBytes: 4 * 1024 * 1024 });
    const first = await server.send("k", { headers: formType("one"), body: form("one", BYTES) });
    expect(first.body.equals(Buffer.concat([Buffer.from("1"), BYTES]))).toBe(true);
    const again = await server.send("k", { headers: formType("two"), body: form("two", BYTES) });
    // 3 MB are more than is kept.
    expect([again.status, server.runs()]).toEqual([409, 1]);
    const other = await server.send("k", { headers: formType("two"), body: form("two", BYTES, "2") });
    expect(other.status).toBe(422);
  });

  test("multer before the guard: 500 body_already_read with a way out, and nothing runs", async () => {
    const upload = multer({ storage: multer.memoryStorage() }).single("file") as RequestHandler;
    const server = await guarding(express, (_q, r) => void r.end(), { before: [upload] });
    const answer = await server.send("k", {
      headers: formType("one"),
      body: form("one", BYTES.subarray(0, 9)),
    });
    expect([answer.status, answer.json()]).toMatchObject([
      500,
      { code: "body_already_read", retryable: false },
    ]);
    expect((answer.json() as { detail: string }).detail).toMatch(/before/);
    expect([server.runs(), await server.record("k")]).toEqual([0, undefined]);
  });

  test("a reader before the guard that leaves `{}`, as if there had been nothing: 500 body_already_read", async () => {
    const readXml: RequestHandler = (request, _r, next) => {
      request.body = {};
      request.on("end", () => next()).resume();
    };
    const server = await guarding(express, (_q, r) => void r.end("ok"), { before: [readXml] });
    for (const type of ["application/xml", undefined, "text/json-like"]) {
      const headers = type === undefined ? {} : { "content-type": type };
      const answer = await server.send("k", { headers, body: "<a/>" });
      expect([answer.status, answer.json()]).toMatchObject([500, { code: "body_already_read" }]);
    }
    expect(server.runs()).toBe(0);
    for (const type of ["application/vnd.api+json; charset=utf-8", "application/x-www-form-urlencoded"])
      expect(
        (await server.send(type.slice(0, 20), { headers: { "content-type": type }, body: "{}" })).status,
      ).toBe(200);
  });

  test.each<[string, RequestHandler]>([
    ["pipe", (q, r) => void q.pipe(r)],
    [
      "data and end",
      (q, r) => {
        const chunks: Buffer[] = [];
        q.on("data", (chunk) => chunks.push(chunk)).on("end", () => r.end(Buffer.concat(chunks)));
      },
    ],
    [
      "for await",
      async (q, r) => {
        for await (const chunk of q) r.write(chunk);
        r.end();
      },
    ],
    [
      "readable and read",
      (q, r) => {
        q.on("readable", () => {
          for (let chunk = q.read(); chunk !== null; chunk = q.read()) r.write(chunk);
        }).on("end", () => r.end());
      },
    ],
    ["later", (q, r) => void setTimeout(() => q.pipe(r), 20)],
  ])("a route that reads by itself: %s, 3 MB, at once and in pieces", async (_name, route) => {
    const server = await guarding(express, route, {
      maxBodyBytes: BYTES.length,
      maxResultBytes: 4 * 1024 * 1024,
    });
    for (const [n, headers] of [{}, { "transfer-encoding": "chunked" }].entries()) {
      const answer = await server.send(`k-${n}`, { headers, body: BYTES });
      expect(answer.body.equals(BYTES)).toBe(true);
    }
  });

  test("a body that comes byte by byte, its last one late", async () => {
    const server = await guarding(express, echo, { after: [express.json()] });
    const line = dial(server);
    const [head, body] = requestText("k", {
      headers: ["content-type: application/json"],
      body: '{"a":1}',
    }).split("\r\n\r\n");
    line.write(`${head}\r\n\r\n`);
    for (const byte of body as string) {
      await new Promise((resolve) => setTimeout(resolve, 3));
      line.write(byte);
    }
    expect(await line.status()).toBe("200");
    expect((await server.send("k", { headers: JSON_TYPE, body: '{"a":1}' })).json()).toMatchObject({
      body: { a: 1 },
    });
    expect(server.runs()).toBe(1);
  });

  test("a middleware that asks for text", async () => {
    const decode: RequestHandler = (q, _r, next) => {
      q.setEncoding("utf8");
      next();
    };
    const route: RequestHandler = (q, r) => {
      let text = "";
      q.on("data", (chunk) => (text += chunk)).on("end", () => r.json({ text }));
    };
    const server = await guarding(express, route, { before: [decode] });
    for (const headers of [{}, { "transfer-encoding": "chunked" }])
      expect((await server.send("k", { headers, body: "Grüße" })).json()).toEqual({ text: "Grüße" });
  });

  test("fingerprint: false leaves the body alone, whatever its size; the key alone decides", async () => {
    const server = await guarding(express, (q, r) => void q.pipe(r), {
      fingerprint: false,
      maxBodyBytes: 1,
      maxResultBytes: 4e6,
    });
    expect((await server.send("k", { body: BYTES })).body.equals(BYTES)).toBe(true);
    expect((await server.send("k", { body: "other" })).body.equals(BYTES)).toBe(true);
  });

  test("over maxBodyBytes: 413, nothing runs; also for what a parser has read", async () => {
    for (const before of [[], [express.text()]]) {
      const server = await guarding(express, (_q, r) => void r.end(), { maxBodyBytes: 4, before });
      for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
        const sending = { body: "12345", headers: { "content-type": "text/plain", ...headers } };
        const answer = await server.send("k", sending);
        expect([answer.status, answer.json()]).toMatchObject([413, { code: "body_too_large" }]);
      }
      expect([server.runs(), await server.record("k")]).toEqual([0, undefined]);
    }
  });
});
