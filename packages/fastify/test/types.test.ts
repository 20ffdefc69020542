/** What this file shows, it shows by compiling: `tsc` runs over the tests. */
import { memoryStore } from "@hooklatch/core";
import { idempotency, mount, withIdempotency } from "@hooklatch/fastify";
import Fastify, { type FastifyInstance, type FastifyTypeProvider } from "fastify";
import { expect, test } from "vitest";

declare module "fastify" {
  interface FastifyRequest {
    user?: { id: string };
  }
}

/** Like TypeBox' and json-schema-to-ts' providers: types that depend on the schema. */
interface Provider extends FastifyTypeProvider {
  validator: this["schema"] extends { kind: infer Kind } ? Kind : unknown;
  serializer: this["schema"] extends { kind: infer Kind } ? Kind : unknown;
}

test("routes are accepted by every place of every kind of app", async () => {
  const store = memoryStore();
  const hooks = withIdempotency((event) => event.json<{ id: string }>().id, {
    store,
    scope: "a",
    worker: false,
  });
  const guard = idempotency({ store, scope: "b", tenant: (request) => request.user?.id ?? "" });
  const handler = { maxBodyBytes: 1, handle: async () => ({ status: 200, headers: {}, body: null }) };
  const app = Fastify();
  app.post("/a", hooks);
  app.route({ method: ["POST", "PUT"], url: "/b", ...hooks });
  app.post("/c", guard, async () => "c");
  app.post<{ Body: { a: number } }>("/d", guard, async (request) => request.body.a);
  app.post<{ Body: { a: number } }>("/e", { schema: {}, ...guard }, async (request) => request.body.a);
  app.withTypeProvider<Provider>().post("/f", { schema: {}, ...guard }, async () => "f");
  app.withTypeProvider<Provider>().post("/g", hooks);
  app.register(mount(handler), { prefix: "/h" });
  await app.ready();
  await app.close();
  const secure = (another: FastifyInstance<import("node:https").Server>): void => {
    another.post("/a", hooks);
    another.post("/b", guard, async () => "b");
    another.register(mount(handler), { prefix: "/h" });
  };
  expect(secure).toBeTypeOf("function");
});
