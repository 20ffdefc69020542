/** The event as the handler gets it and as the store keeps it. */
import { readStoredEvent } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { encodeEvent, eventCodec, webhookEvent, withoutCredentials } from "../src/webhook.js";
import { codeOf, utf8 } from "./support/outcome.js";

const event = (body: Uint8Array | string = "", headers: Record<string, string | string[]> = {}) =>
  webhookEvent({
    method: "POST",
    url: "/a?b=c",
    basePath: "/a",
    headers: Object.assign(Object.create(null), headers),
    body: typeof body === "string" ? utf8(body) : body,
    receivedAt: new Date(1_764_000_000_123),
  });

describe("text() and json()", () => {
  test("the body as UTF-8, and as JSON", () => {
    expect(event("é{").text()).toBe("é{");
    expect(event('{"a":1}').json<{ a: number }>().a).toBe(1);
    expect(event("\ufeff{}").json()).toEqual({});
  });

  test.each(["", "{", "undefined", "'a'", "{a:1}"])("%j is invalid_json", (body) => {
    expect(codeOf(() => event(body).json())).toBe("invalid_json");
  });

  test("taken out of the event, they still work", () => {
    const { json, text } = event('{"a":1}');
    expect(text()).toBe('{"a":1}');
    expect(json()).toEqual({ a: 1 });
  });
});

describe("as bytes", () => {
  test.each<[string, Uint8Array]>([
    ["empty", new Uint8Array(0)],
    ["line feeds", utf8("\n\n{}\n")],
    ["invalid UTF-8 and NUL", Uint8Array.of(0xff, 0, 0xfe, 10, 0)],
    ["1 MiB", new Uint8Array(1024 * 1024).fill(7)],
  ])("a body comes back: %s", (_, body) => {
    const back = readStoredEvent(encodeEvent(event(body)));
    expect(Buffer.compare(back.body, body)).toBe(0);
  });

  test("everything else comes back", () => {
    const sent = event("{}", { "x-a": ["1", "2"], "x-b": "é\n€\u{1F600}", __proto__x: "1" });
    const back = readStoredEvent(encodeEvent(sent));
    expect(back).toMatchObject({
      method: "POST",
      url: "/a?b=c",
      basePath: "/a",
      receivedAt: sent.receivedAt,
    });
    expect({ ...back.headers }).toEqual({ ...sent.headers });
    expect(back.json()).toEqual({});
  });

  test("a header named __proto__ is only a header, also after storing", () => {
    const headers = JSON.parse('{"__proto__":"x","constructor":"y"}');
    const kept = withoutCredentials(headers, true);
    const back = readStoredEvent(encodeEvent({ ...event(), headers: kept })).headers;
    expect(Object.getPrototypeOf(back)).toBeNull();
    expect(Object.entries(back)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
    expect(readStoredEvent(encodeEvent(event())).headers.toString).toBeUndefined();
  });

  test("the framework's request is not kept", () => {
    expect(encodeEvent({ ...event(), native: { circular: true } })).toEqual(encodeEvent(event()));
  });

  test("the bytes are their own: the caller may reuse its buffer", () => {
    const body = utf8("abc");
    const bytes = encodeEvent(event(body));
    body.fill(0);
    const back = eventCodec.decodeInput(bytes);
    bytes.fill(0);
    expect(back.text()).toBe("abc");
  });

  test.each(["", "x", "123", "null\n", "[]\n", '{"id":"o-1"}', "{}\nbody", '{"method":5}\n', "\n"])(
    "%j is not what a receiver stores: event_undecodable",
    (text) => {
      expect(codeOf(() => readStoredEvent(utf8(text)))).toBe("event_undecodable");
    },
  );
});

describe("headers without credentials", () => {
  const names = (headers: string[], signaturesToo: boolean) =>
    Object.keys(withoutCredentials(Object.fromEntries(headers.map((name) => [name, "x"])), signaturesToo));

  const credentials = ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-gitlab-token"];
  const signatures = [
    "stripe-signature",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-shopify-hmac-sha256",
    "x-square-hmacsha256-signature",
    "paypal-transmission-sig",
    "webhook-signature",
    "svix-signature",
    "x-slack-signature",
    "x-twilio-signature",
    "x-signature-ed25519",
    "signature",
  ];
  const harmless = [
    "content-type",
    "x-design",
    "sigma",
    "x-signal-id",
    "webhook-id",
    "webhook-timestamp",
    "x-request-id",
  ];

  test("credentials always go, signatures once they were used, everything else stays", () => {
    expect(names([...credentials, ...signatures, ...harmless], true)).toEqual(harmless);
    expect(names([...credentials, ...signatures, ...harmless], false)).toEqual([...signatures, ...harmless]);
  });
});
