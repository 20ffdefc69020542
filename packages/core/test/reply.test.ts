/** What a handler returns: every status, and responses that are refused. */
import { HooklatchError, RetryAfterError, respond } from "@hooklatch/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { decodeReply, encodeReply, replyOf } from "../src/reply.js";
import { codeOf } from "./support/outcome.js";

const statuses = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const RETRIED = [408, 425, 429, ...statuses(500, 599)];

describe("statuses", () => {
  test("each from 200 to 599: a failed attempt for 5xx, 408, 425, 429, a completion for any other", () => {
    for (const status of statuses(200, 599)) {
      const code = codeOf(() => replyOf(respond(status, "x")));
      expect([status, code]).toEqual([
        status,
        RETRIED.includes(status) ? "handler_status" : "nothing was thrown",
      ]);
    }
  });

  test("each completion comes back from its bytes", () => {
    for (const status of statuses(200, 599).filter((s) => !RETRIED.includes(s))) {
      const reply = replyOf(respond(status, "x"));
      expect(decodeReply(encodeReply(reply))).toEqual(reply);
    }
  });

  test.each([...statuses(100, 199), 0, -1, 600, 999, 200.5, Number.NaN, "200", undefined, null])(
    "%s is no status of an answer",
    (status) => {
      expect(codeOf(() => respond(status as number))).toBe("invalid_response");
    },
  );

  test("a failed status may be tried again, and says which it was", () => {
    try {
      replyOf(respond(503));
      expect.unreachable();
    } catch (error) {
      expect(HooklatchError.is(error, "handler_status") && error.retryable).toBe(true);
      expect((error as Error).message).toContain("503");
    }
  });
});

describe("Retry-After of the handler", () => {
  afterEach(() => void vi.useRealTimers());
  function delayOf(retryAfter: string | string[], status = 429): number | string {
    try {
      replyOf(respond(status, undefined, { "Retry-After": retryAfter }));
      return "completed";
    } catch (error) {
      return RetryAfterError.is(error) ? error.retryAfterMs : "by the policy";
    }
  }

  test.each<[string, number]>([
    ["0", 0],
    ["5", 5_000],
    [" 7 ", 7_000],
    ["9999999999", 9_999_999_999_000],
  ])("%j: %d ms", (header, ms) => {
    expect(delayOf(header)).toBe(ms);
    expect(delayOf(header, 503)).toBe(ms);
  });

  test("an HTTP date, also one that has passed", () => {
    vi.useFakeTimers({ now: Date.parse("Tue, 24 Nov 2026 14:00:00 GMT") });
    expect(delayOf("Tue, 24 Nov 2026 14:00:30 GMT")).toBe(30_000);
    expect(delayOf("Tue, 24 Nov 2026 13:00:00 GMT")).toBe(0);
    expect(delayOf("Tuesday, 24-Nov-26 14:00:30 GMT")).toBe(30_000);
  });

  test.each(["", "soon", "-1", "1.5", "5.5", "1e3", "0x10", "12345678901", "5, 6", "2026-11-24"])(
    "%j is neither: by the policy",
    (header) => {
      expect(delayOf(header)).toBe("by the policy");
    },
  );

  test("a list is neither, and a completion does not wait", () => {
    expect(delayOf(["1", "2"])).toBe("by the policy");
    expect(delayOf("5", 202)).toBe("completed");
  });
});

describe("bodies", () => {
  const bytes = Uint8Array.of(0, 255);
  test.each<[string, unknown, string | undefined, string | Uint8Array | null]>([
    ["a text", "é", "text/plain; charset=utf-8", "é"],
    ["an empty text", "", "text/plain; charset=utf-8", ""],
    ["bytes", bytes, "application/octet-stream", bytes],
    ["a Buffer", Buffer.from("b"), "application/octet-stream", "b"],
    ["an object", { a: [1, null] }, "application/json", '{"a":[1,null]}'],
    ["a number", 7, "application/json", "7"],
    ["false", false, "application/json", "false"],
    ["undefined", undefined, undefined, null],
    ["null", null, undefined, null],
  ])("%s", (_, body, type, expected) => {
    const reply = respond(200, body);
    expect(reply.headers["content-type"]).toBe(type);
    const sent = reply.body;
    if (expected === null) expect(sent).toBeNull();
    else expect(Buffer.compare(Buffer.from(expected as string), sent as Uint8Array)).toBe(0);
  });

  test("a content type of one's own wins, in any case", () => {
    expect(respond(200, "<a/>", { "Content-Type": "text/xml" }).headers).toMatchObject({
      "content-type": "text/xml",
    });
  });

  test.each([204, 205, 304])("%d has none", (status) => {
    expect(respond(status, { a: 1 })).toMatchObject({ body: null });
    expect(respond(status, "x").headers).not.toHaveProperty("content-type");
  });

  const circular: unknown[] = [];
  circular.push(circular);
  test.each<[string, unknown]>([
    ["a BigInt", 1n],
    ["a circular value", circular],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["NaN", Number.NaN],
    ["a Map", new Map()],
  ])("%s is invalid_response", (_, body) => {
    expect(codeOf(() => respond(200, body))).toBe("invalid_response");
  });
});

describe("headers", () => {
  test.each<[string, Record<string, unknown>]>([
    ["CRLF in a value", { a: "b\r\nset-cookie: x=1" }],
    ["LF in a value", { a: "b\nc" }],
    ["NUL in a value", { a: "\0" }],
    ["CRLF in one of several values", { a: ["b", "c\r\nd: e"] }],
    ["CRLF in a name", { "a\r\nb": "c" }],
    ["a space in a name", { "a b": "c" }],
    ["a colon in a name", { "a:": "c" }],
    ["an empty name", { "": "c" }],
    ["beyond latin1", { a: "€" }],
    ["a number", { a: 5 }],
    ["undefined", { a: undefined }],
    ["null", { a: null }],
    ["numbers in a list", { a: [1, 2] }],
  ])("%s is invalid_response", (_, headers) => {
    expect(codeOf(() => respond(200, "x", headers as never))).toBe("invalid_response");
  });

  test("names become lower-case; lists, latin1 and tabs are fine", () => {
    const { headers } = respond(200, undefined, { "X-A": "é\t ~", "Set-Cookie": ["a=1", "b=2"] });
    expect({ ...headers }).toEqual({ "x-a": "é\t ~", "set-cookie": ["a=1", "b=2"] });
  });

  test("a header named __proto__ is a header", () => {
    const { headers } = respond(200, undefined, JSON.parse('{"__proto__":["x"]}'));
    expect(Object.entries(headers)).toEqual([["__proto__", ["x"]]]);
  });
});

describe("what else a handler may return", () => {
  test("a fetch Response is refused, for want of a synchronous body", () => {
    expect(codeOf(() => replyOf(new Response("x")))).toBe("invalid_response");
    expect(codeOf(() => replyOf(Response.json({ a: 1 })))).toBe("invalid_response");
  });

  test("something that only looks like a reply is a plain value", () => {
    const { response } = replyOf({ status: 500, headers: {}, body: null });
    expect(response.status).toBe(200);
  });

  test("a reply of another copy of the package is a reply", async () => {
    vi.resetModules();
    const other = await import("../src/reply.js");
    expect(other.respond).not.toBe(respond);
    expect(replyOf(other.respond(418)).response.status).toBe(418);
  });

  test("a value that JSON cannot hold: 200, told as done, and not kept", () => {
    const reply = replyOf({ n: 1n });
    expect(reply.response.status).toBe(200);
    expect(reply).toMatchObject({ nothing: true });
    expect(() => encodeReply(reply)).toThrow();
  });

  test("bytes that are no stored reply are event_undecodable", () => {
    for (const bytes of ["", "x", "null\n", "123"]) {
      expect(codeOf(() => decodeReply(Buffer.from(bytes)))).toBe("event_undecodable");
    }
  });
});
