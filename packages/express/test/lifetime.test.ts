/** Senders that go away, start() and close(), on real sockets. */
import { once } from "node:events";
import { memoryStore } from "@hooklatch/core";
import { withIdempotency } from "@hooklatch/express";
import { describe, expect, test, vi } from "vitest";
import { eventually, gate } from "../../core/test/support/eventually.js";
import { closing, dial, listen, MAJORS, send } from "./support/server.js";

describe.each(MAJORS)("%s", (_, express) => {
  test("a sender that disconnects during the run and retries: one run, then the stored response", async () => {
    const { promise, open } = gate();
    const handler = vi.fn(() => promise.then(() => ({ done: 1 })));
    const app = express();
    app.post("/hooks", closing(withIdempotency(handler, { store: memoryStore(), scope: "hooks" })));
    const server = await listen(app);
    const disconnected = once(server.server, "request").then(([request]) => once(request.socket, "close"));
    const line = dial(server);
    line.write("POST /hooks HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}");
    await eventually(() => handler.mock.calls.length === 1);
    line.socket.destroy();
    await disconnected;
    expect((await send(server, "/hooks", { body: "{}" })).status).toBe(202);
    open();
    const answer = await eventually(async () => {
      const again = await send(server, "/hooks", { body: "{}" });
      return again.status === 200 && again;
    });
    expect(answer.json()).toEqual({ done: 1 });
    expect(answer.headers["idempotent-replayed"]).toBe("true");
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("20 copies at once: one run", async () => {
    const handler = vi.fn(async () => ({ order: 1 }));
    const app = express();
    app.post(
      "/hooks",
      closing(withIdempotency(handler, { store: memoryStore(), scope: "hooks", whenRunning: "wait" })),
    );
    const server = await listen(app);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send(server, "/hooks", { body: "{}" })),
    );
    for (const answer of answers) expect([answer.status, answer.json()]).toEqual([200, { order: 1 }]);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("the response window counts the time that a slow sender takes", async () => {
    const { promise, open } = gate();
    const handler = vi.fn(() => promise);
    const app = express();
    const respondWithinMs = 250;
    app.post(
      "/hooks",
      closing(withIdempotency(handler, { store: memoryStore(), scope: "hooks", respondWithinMs })),
    );
    const server = await listen(app);
    const line = dial(server);
    line.write("POST /hooks HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{");
    const [request] = await once(server.server, "request");
    await new Promise((resolve) => setTimeout(resolve, respondWithinMs));
    line.write("}");
    if (!request.readableEnded) await once(request, "end");
    const from = performance.now();
    expect(await line.status()).toBe("202");
    expect(performance.now() - from).toBeLessThan(respondWithinMs);
    open();
  });

  test("the worker is started at construction: what an earlier process left behind is run without a delivery", async () => {
    const store = memoryStore();
    const options = { store, scope: "hooks", leaseMs: 60, worker: { pollMs: 5 } };
    const first = closing(
      withIdempotency(() => new Promise(() => {}), { ...options, worker: false, respondWithinMs: 0 }),
    );
    const app = express();
    app.post("/hooks", first);
    const server = await listen(app);
    expect((await send(server, "/hooks", { body: "left behind" })).status).toBe(202);
    await first.close({ drainMs: 0 });
    const handler = vi.fn();
    const second = closing(withIdempotency((event) => handler(event.text()), options));
    await eventually(() => handler.mock.calls.length > 0, "the recovery");
    expect(handler).toHaveBeenCalledWith("left behind");
    second.start();
  });

  test("close() drains: the running request is answered, a new one is told 503", async () => {
    const { promise, open } = gate();
    const handler = vi.fn(() => promise.then(() => "done"));
    const app = express();
    const route = closing(withIdempotency(handler, { store: memoryStore(), scope: "hooks" }));
    app.post("/hooks", route);
    const server = await listen(app);
    const running = send(server, "/hooks", { body: "first" });
    await eventually(() => handler.mock.calls.length === 1);
    let closed = false;
    const closingRoute = route.close().then(() => {
      closed = true;
    });
    const refused = await send(server, "/hooks", { body: "second" });
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    expect(refused.json()).toMatchObject({ code: "closed", retryable: true });
    expect(closed).toBe(false);
    open();
    expect((await running).json()).toBe("done");
    await closingRoute;
    expect(handler).toHaveBeenCalledTimes(1);
  });

  test("close() gives up on a handler that does not end: its sender is told 202", async () => {
    const handler = vi.fn(() => new Promise(() => {}));
    const app = express();
    const route = closing(withIdempotency(handler, { store: memoryStore(), scope: "hooks" }));
    app.post("/hooks", route);
    const server = await listen(app);
    const running = send(server, "/hooks", { body: "first" });
    await eventually(() => handler.mock.calls.length === 1);
    await route.close({ drainMs: 10 });
    expect((await running).status).toBe(202);
  });
});
