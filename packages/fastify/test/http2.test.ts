/** Fastify over Node's HTTP/2: webhooks work, guarded routes say that they don't. */
import { connect } from "node:http2";
import { memoryStore } from "@hooklatch/core";
import { idempotency, withIdempotency } from "@hooklatch/fastify";
import Fastify, { type FastifyInstance } from "fastify";
import { expect, test } from "vitest";

test("a webhook is received, a guarded request is refused before the route runs", async () => {
  let runs = 0;
  const store = memoryStore();
  // The types tell the two apart; a JavaScript app does not.
  const app = Fastify({ http2: true }) as unknown as FastifyInstance;
  app.post(
    "/hooks",
    withIdempotency((event) => ({ got: event.text() }), { store, scope: "hooks" }),
  );
  app.post("/orders", idempotency({ store, scope: "orders", tenant: false }), async () => ({ runs: ++runs }));
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const session = connect(url);
  const post = (path: string) =>
    new Promise<{ status: unknown; body: string }>((resolve, reject) => {
      const stream = session.request({ ":method": "POST", ":path": path, "idempotency-key": "k-1" });
      let status: unknown;
      let body = "";
      stream.setEncoding("utf8").on("response", (headers) => {
        status = headers[":status"];
      });
      stream.on("data", (chunk: string) => {
        body += chunk;
      });
      stream.on("end", () => resolve({ status, body })).on("error", reject);
      stream.end("ü");
    });
  expect(await post("/hooks")).toEqual({ status: 200, body: '{"got":"ü"}' });
  expect(await post("/hooks")).toEqual({ status: 200, body: '{"got":"ü"}' });
  const refused = await post("/orders");
  expect(refused.status).toBe(500);
  expect(refused.body).toContain("HTTP/2");
  expect(runs).toBe(0);
  session.close();
  await app.close();
});
