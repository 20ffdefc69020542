/** `withIdempotency`: what it takes from a request of this framework, and what it gives back. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { type ReceiverOptions, respond, type WebhookEvent, type WebhookHandler } from "@hooklatch/core";
import { type AdapterCase, type AdapterCases, newKey } from "./case.js";
import { isFirst, isProblem, isReplay, isRetryable, MARK } from "./checks.js";
import type { Outgoing } from "./client.js";
import { gate } from "./deferred.js";

async function webhook(t: AdapterCase, handler: WebhookHandler, options: Partial<ReceiverOptions> = {}) {
  const seen: WebhookEvent[] = [];
  const counted: WebhookHandler = (event, context) => {
    seen.push(event);
    return handler(event, context);
  };
  const all = { store: t.store, scope: "hooks", worker: false, ...options } as const;
  const app = await t.serve({ webhooks: { "/hooks": { handler: counted, options: all } } });
  const send = (outgoing: Outgoing & { path?: string }) =>
    app.open(outgoing.path ?? "/hooks", outgoing).reply;
  return { send, seen, drain: app.drain };
}

const keyed = (key: string) => [["Idempotency-Key", key]] as const;

export const webhookCases: AdapterCases = {
  "webhook: a delivery runs the handler, a duplicate by its body does not": async (t) => {
    const { send, seen } = await webhook(t, () => {});
    const first = await send({ body: '{"id":"evt_1"}' });
    isFirst(first, 200);
    assert.deepEqual(first.json(), { status: "ok" });
    const second = await send({ body: '{"id":"evt_1"}' });
    assert.deepEqual(
      [second.status, second.header(MARK), second.json()],
      [200, "true", { status: "duplicate" }],
    );
    isFirst(await send({ body: '{"id":"evt_2"}' }), 200);
    assert.equal(seen.length, 2);
  },
  "webhook: a duplicate by its key gets the handler's response, another body is refused": async (t) => {
    const headers = { "content-type": "text/plain", "set-cookie": ["a=1", "b=2"] };
    const { send, seen } = await webhook(t, () => respond(201, "naïve ☕", headers));
    const request = { headers: keyed(newKey()), body: "one" };
    const first = await send(request);
    isFirst(first, 201);
    assert.equal(first.text(), "naïve ☕");
    assert.deepEqual(first.all("set-cookie"), ["a=1", "b=2"]);
    isReplay(await send(request), first);
    isProblem(await send({ ...request, body: "two" }), 422, "key_reused");
    assert.equal(seen.length, 1);
  },
  "webhook: a response without a body": async (t) => {
    const { send } = await webhook(t, () => respond(204));
    const request = { headers: keyed(newKey()) };
    const first = await send(request);
    isFirst(first, 204);
    isReplay(await send(request), first);
  },
  "webhook: the handler gets the bytes that were sent, whatever their type says": async (t) => {
    const { send, seen } = await webhook(t, () => {});
    const bodies: [string, Buffer][] = [
      ["application/json", Buffer.from('{"b": 1,\r\n  "a": "Zoë 🦊\\u00e9", "b": 2}')],
      ["text/plain; charset=latin1", Buffer.from("na\u00efve", "latin1")],
      ["application/x-www-form-urlencoded", Buffer.from("payload=%7B%7D&a=b+c")],
      ["multipart/form-data; boundary=x", Buffer.from("--x\r\nnot a form")],
      ["application/json", Buffer.from("{ not JSON")],
      ["image/png", Buffer.from([0x89, 0x50, 0, 255, 254, 0x0a])],
    ];
    for (const [type, body] of bodies) {
      isFirst(await send({ headers: [["Content-Type", type]], body }), 200);
      isFirst(
        await send({ headers: [["Content-Type", type], ...keyed(newKey())], body, chunked: true }),
        200,
      );
    }
    const expected = bodies.flatMap(([, body]) => [body, body]);
    assert.deepEqual(
      seen.map(({ body }) => Buffer.from(body).toString("hex")),
      expected.map((body) => body.toString("hex")),
    );
    assert.equal(seen[0]?.text(), bodies[0]?.[1].toString());
  },
  "webhook: the event has the original path and query, the method and the headers": async (t) => {
    const { send, seen } = await webhook(t, () => {});
    const headers = [
      ["X-Event", "created"],
      ["Authorization", "Bearer secret"],
    ] as const;
    isFirst(await send({ path: "/hooks?x=1&y=%20z", headers, body: "one" }), 200);
    const [event] = seen;
    assert.deepEqual(
      [event?.url, event?.method, event?.headers["x-event"], event?.headers.authorization],
      [`${t.basePath}/hooks?x=1&y=%20z`, "POST", "created", undefined],
    );
  },
  "webhook: what cannot be verified is refused, and leaves no trace": async (t) => {
    const { send, seen } = await webhook(t, () => {}, {
      verify: (event) => {
        if (event.headers["x-signature"] !== `of ${event.text()}`) throw new Error("the secret is s3cret");
      },
    });
    const refused = await send({ headers: [["X-Signature", "of two"]], body: "one" });
    isProblem(refused, 401, "verification_failed");
    assert.ok(!refused.text().includes("s3cret"));
    assert.deepEqual([seen.length, t.store.total], [0, 0]);
    isFirst(await send({ headers: [["X-Signature", "of one"]], body: "one" }), 200);
  },
  "webhook: a body over maxBodyBytes is refused, and leaves no trace": async (t) => {
    const { send, seen } = await webhook(t, () => {}, { maxBodyBytes: 1_000 });
    for (const chunked of [false, true]) {
      isProblem(await send({ body: "x".repeat(1_001), chunked }), 413, "body_too_large");
    }
    assert.deepEqual([seen.length, t.store.total], [0, 0]);
    isFirst(await send({ body: "x".repeat(1_000) }), 200);
  },
  "webhook: a compressed body, and a repeated key, are refused": async (t) => {
    const { send, seen } = await webhook(t, () => {});
    const zipped = { headers: [["Content-Encoding", "gzip"]] as const, body: gzipSync("one") };
    isProblem(await send(zipped), 415, "unsupported_encoding");
    const twice = { headers: [...keyed("a"), ...keyed("a")], body: "one" };
    isProblem(await send(twice), 400, "invalid_key");
    assert.deepEqual([seen.length, t.store.total], [0, 0]);
  },
  "webhook: whatever is refused, the connection carries the next request": async (t) => {
    const options = { store: t.store, scope: "hooks", worker: false, maxBodyBytes: 1_000 } as const;
    const verify = (event: WebhookEvent): void => {
      if (event.headers["x-signature"] !== undefined) throw new Error("wrong");
    };
    const app = await t.serve({
      webhooks: { "/hooks": { handler: () => {}, options: { ...options, verify } } },
    });
    const requests: [status: number, outgoing: Outgoing][] = [
      [200, { body: "one" }],
      [401, { body: "two", headers: [["X-Signature", "x"]] }],
      [400, { body: "three", headers: keyed("two words") }],
      [413, { body: "x".repeat(100_000) }],
      [415, { body: gzipSync("four"), headers: [["Content-Encoding", "gzip"]] }],
      [200, { body: "five", chunked: true }],
    ];
    const replies = await app.converse(requests.map(([, outgoing]) => ({ path: "/hooks", ...outgoing })));
    assert.deepEqual(
      replies.map(({ status }) => status),
      requests.map(([status]) => status),
    );
  },
  "webhook: a handler that does not end in time is answered 202, and goes on": async (t) => {
    const working = gate();
    const handler: WebhookHandler = async () => {
      await working.opened;
      return respond(201, "done");
    };
    const { send, seen } = await webhook(t, handler, { respondWithinMs: 0 });
    const request = { headers: keyed(newKey()) };
    const accepted = await send(request);
    isFirst(accepted, 202);
    assert.match(accepted.header("retry-after") ?? "", /^\d+$/);
    working.open();
    await t.store.answered("complete");
    const replay = await send(request);
    assert.deepEqual([replay.status, replay.header(MARK), replay.text()], [201, "true", "done"]);
    assert.equal(seen.length, 1);
  },
  "webhook: when it is closed, deliveries are refused": async (t) => {
    const { send, seen, drain } = await webhook(t, () => {});
    await drain();
    isRetryable(await send({ body: "one" }), 503, "closed");
    assert.equal(seen.length, 0);
  },
};
