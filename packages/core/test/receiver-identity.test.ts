/** Whose event it is: `verify`, `key`, `tenant`, `fingerprint`; and what of it is never kept. */
import {
  memoryDeadLetters,
  memoryStore,
  type ReceiverOptions,
  readStoredEvent,
  type WebhookEvent,
} from "@hooklatch/core";
import { describe, expect, test, vi } from "vitest";
import { faultyStore, noFaults } from "./support/faults.js";
import {
  expectDuplicate,
  expectProblem,
  json,
  keyed,
  receiving,
  request,
  text,
} from "./support/receiving.js";

/** Sends one request that must be refused before the store hears of it. */
async function refused(options: Partial<ReceiverOptions>, sent = request()) {
  const store = faultyStore(memoryStore(), noFaults);
  const handler = vi.fn();
  const answer = await receiving(handler, { store, worker: false, ...options }).handle(sent);
  expect(store.calls).toEqual([]);
  expect(handler).not.toHaveBeenCalled();
  return answer;
}
const invalidKey = { status: 400, code: "invalid_key", retryable: false };
const invalidTenant = { status: 400, code: "invalid_tenant", retryable: false };
const throwing = (message: string) => () => {
  throw new Error(message);
};

describe("a `key` of one's own", () => {
  test.each([undefined, null, "", 42, {}, "k".repeat(1_025), "\ud800"])(
    "that gives %j: 400",
    async (given) => {
      expectProblem(await refused({ key: () => given as string }), invalidKey);
    },
  );

  test("that throws: 400", async () => {
    expectProblem(await refused({ key: throwing("x") }), invalidKey);
  });

  test("that is a promise: 400", async () => {
    expectProblem(await refused({ key: (async () => "k") as never }), invalidKey);
  });

  test("that reads a body which is no JSON: 400 invalid_json, nothing stored", async () => {
    const key = (event: WebhookEvent) => event.json<{ id: string }>().id;
    const invalidJson = { status: 400, code: "invalid_json", retryable: false };
    for (const body of ["{", "", "\xff"])
      expectProblem(await refused({ key }, request({ body })), invalidJson);
    expectProblem(await refused({ key }, request({ body: "{}" })), invalidKey);
    expectProblem(await refused({ key }, request({ body: "null" })), invalidKey);
  });

  test("wins over the header, which is then not even looked at; bodies may then differ", async () => {
    const handler = vi.fn();
    const receiver = receiving(handler, { key: () => "fixed" });
    await receiver.handle(request({ headers: { "idempotency-key": "a b" }, body: "one" }));
    expectDuplicate(await receiver.handle(keyed("other", "two")));
    expect(handler.mock.calls[0]?.[1]).toMatchObject({ key: "fixed" });
  });

  test("nothing that the app's functions threw is told to the sender", async () => {
    for (const options of [{ key: throwing("canary") }, { tenant: throwing("canary") }]) {
      expect(text(await refused(options))).not.toContain("canary");
    }
  });
});

describe("`tenant`", () => {
  test.each([undefined, null, "", 42, {}, [], "\ud800"])(
    "that gives %j: 400, never a shared one",
    async (given) => {
      expectProblem(await refused({ tenant: () => given as string }), invalidTenant);
    },
  );

  test("that throws, or is a promise: 400", async () => {
    expectProblem(await refused({ tenant: throwing("no user") }), invalidTenant);
    expectProblem(await refused({ tenant: (async () => "t") as never }), invalidTenant);
  });

  test("two tenants, the same key, the same body: two runs; one never sees the other's response", async () => {
    const handler = vi.fn((_: unknown, { tenant }: { tenant?: string }) => ({ of: tenant }));
    const receiver = receiving(handler, { tenant: (event) => String(event.headers["x-user"]) });
    for (const user of ["a", "b", "a"]) {
      const headers = { "x-user": user, "idempotency-key": "k" };
      expect(json(await receiver.handle(request({ headers })))).toEqual({ of: user });
    }
    expect(handler).toHaveBeenCalledTimes(2);
  });
});

describe("`fingerprint`", () => {
  test("one of one's own tells payloads apart under a key of one's own", async () => {
    const receiver = receiving(() => {}, { key: () => "k", fingerprint: (event) => event.text() });
    await receiver.handle(request({ body: "one" }));
    expectDuplicate(await receiver.handle(request({ body: "one" })));
    expect((await receiver.handle(request({ body: "two" }))).status).toBe(422);
  });

  test("false turns the default off", async () => {
    const receiver = receiving(() => {}, { fingerprint: false });
    await receiver.handle(keyed("k", "one"));
    expectDuplicate(await receiver.handle(keyed("k", "two")));
  });

  test("one that gives nothing usable: 500, nothing stored", async () => {
    const answer = await refused({ fingerprint: () => 5 as never });
    expectProblem(answer, { status: 500, code: "invalid_fingerprint", retryable: true });
  });

  test("quoted and bare keys are one key", async () => {
    const receiver = receiving(() => {});
    await receiver.handle(keyed('"k-1"'));
    expectDuplicate(await receiver.handle(keyed("k-1")));
    expectDuplicate(await receiver.handle(keyed('"k-1";v=2')));
  });
});

describe("what `verify`, `key`, `tenant` and `fingerprint` see", () => {
  test("the request as it was sent, with the framework's own", async () => {
    const native = { session: 1 };
    const headers = { authorization: "Bearer s", "stripe-signature": "t=1" };
    const seen: WebhookEvent[] = [];
    const look = (event: WebhookEvent) => {
      seen.push(event);
      return "x";
    };
    const options = {
      verify: (event: WebhookEvent) => void look(event),
      key: look,
      tenant: look,
      fingerprint: look,
    };
    const sent = request({ native, headers, body: Uint8Array.of(0, 255), url: "/a?b=c", basePath: "/a" });
    await receiving(() => {}, options).handle(sent);
    expect(seen).toHaveLength(4);
    for (const event of seen) {
      expect(event).toMatchObject({ method: "POST", url: "/a?b=c", basePath: "/a", native });
      expect({ ...event.headers }).toEqual(headers);
      expect([...event.body]).toEqual([0, 255]);
      expect(event.receivedAt).toBeInstanceOf(Date);
    }
  });
});

describe("redaction", () => {
  const CANARY = "canary-7f3a";
  const SECRET = ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-gitlab-token"];
  const SIGNED = [
    "stripe-signature",
    "x-hub-signature-256",
    "x-shopify-hmac-sha256",
    "webhook-signature",
    "paypal-transmission-sig",
  ];
  const headersOf = (names: string[]) => Object.fromEntries(names.map((name) => [name, CANARY]));

  /** Everything that the store and the sink were given, and what the handler saw, as one text. */
  async function traces(options: Partial<ReceiverOptions>, sent: Parameters<typeof request>[0]) {
    const store = faultyStore(memoryStore(), noFaults);
    const deadLetters = memoryDeadLetters();
    const seen: unknown[] = [];
    const receiver = receiving(
      (event) => {
        seen.push({ ...event, text: event.text() });
        throw new Error("every attempt fails");
      },
      { store, deadLetters, ...options },
    );
    const answer = await receiver.handle(request(sent));
    const { letters } = await deadLetters.list();
    expect(letters).toHaveLength(1);
    const bytesAsText = (_: string, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
    const everything = [store.calls, letters, seen, text(answer)];
    return { everything: JSON.stringify(everything, bytesAsText), letter: letters[0] };
  }

  test("credentials and signatures never reach the store, the dead letter or the handler; verify sees them", async () => {
    const verify = vi.fn();
    const names = [...SECRET, ...SIGNED];
    const { everything, letter } = await traces(
      { verify, tenant: (event) => `t-${String(event.headers.cookie).length}` },
      { headers: { ...headersOf(names), "content-type": "application/json", "x-request-id": "r-1" } },
    );
    expect(everything).not.toContain(CANARY);
    expect(Object.keys(verify.mock.calls[0]?.[0].headers)).toEqual(expect.arrayContaining(names));
    const kept = readStoredEvent(letter?.event as Uint8Array).headers;
    expect({ ...kept }).toEqual({ "content-type": "application/json", "x-request-id": "r-1" });
  });

  test("without verify, signatures stay, for a handler that checks them", async () => {
    const seen = vi.fn();
    await receiving((event) => seen({ ...event.headers })).handle(
      request({ headers: headersOf([...SECRET, ...SIGNED]) }),
    );
    expect(seen).toHaveBeenCalledWith(headersOf(SIGNED));
  });

  test("a redact of one's own takes secrets out of url, headers and body", async () => {
    const { everything, letter } = await traces(
      {
        redact: (event) => ({
          url: "/hooks?token=***",
          headers: { "x-kept": "yes" },
          body: Buffer.from(event.text().replaceAll(CANARY, "***")),
        }),
      },
      { url: `/hooks?token=${CANARY}`, headers: { "x-secret": CANARY }, body: `{"card":"${CANARY}"}` },
    );
    expect(everything).not.toContain(CANARY);
    const event = readStoredEvent(letter?.event as Uint8Array);
    expect(event).toMatchObject({ url: "/hooks?token=***", method: "POST" });
    expect(event.json()).toEqual({ card: "***" });
  });

  test("a redact of one's own does not bring credentials back", async () => {
    const { everything } = await traces(
      { redact: ({ headers, url }) => ({ url, headers: { ...headers, "x-added": "1" } }) },
      { headers: headersOf(SECRET) },
    );
    expect(everything).not.toContain(CANARY);
  });

  test("a redact that is asynchronous would redact nothing: refused, nothing stored", async () => {
    const redact = (async () => ({ body: new Uint8Array(0) })) as never;
    expect((await refused({ redact })).status).toBe(500);
  });

  test("the body that was sent makes the key and the fingerprint, not the redacted one", async () => {
    const receiver = receiving(() => {}, { redact: () => ({ body: new Uint8Array(0) }) });
    await receiver.handle(request({ body: "one" }));
    expect(json(await receiver.handle(request({ body: "two" })))).toEqual({ status: "ok" });
    await receiver.handle(keyed("k", "one"));
    expect((await receiver.handle(keyed("k", "two"))).status).toBe(422);
  });

  test("the handler does not get the framework's request: a recovered run could not have it", async () => {
    const handler = vi.fn();
    await receiving(handler).handle(request({ native: { socket: true } }));
    expect(handler.mock.calls[0]?.[0]).not.toHaveProperty("native");
  });
});
