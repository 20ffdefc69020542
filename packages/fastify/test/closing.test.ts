/** `app.close()` closes what its routes were made of, and waits for it. */
import { memoryStore } from "@hooklatch/core";
import { idempotency, mount, withIdempotency } from "@hooklatch/fastify";
import Fastify from "fastify";
import { expect, test } from "vitest";

function gate(): { open: () => void; passed: Promise<void> } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

test("a webhook handler that runs on after its answer is waited for", async () => {
  const { open, passed } = gate();
  let ended = false;
  const app = Fastify();
  const route = withIdempotency(
    async () => {
      await passed;
      ended = true;
    },
    { store: memoryStore(), scope: "hooks", respondWithinMs: 0 },
  );
  app.register(
    (inner, _options, done) => {
      inner.post("/hooks", route);
      done();
    },
    { prefix: "/api" },
  );
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  expect((await fetch(`${url}/api/hooks`, { method: "POST", body: "a" })).status).toBe(202);
  const closed = app.close();
  expect(
    await Promise.race([closed.then(() => "closed"), new Promise((r) => setTimeout(r, 50, "waits"))]),
  ).toBe("waits");
  expect(ended).toBe(false);
  open();
  await closed;
  expect(ended).toBe(true);
});

test("an app that never had a request closes its routes too, so that their scopes are free again", async () => {
  const store = memoryStore();
  const build = () => {
    const app = Fastify();
    const guard = idempotency({ store, scope: "orders", tenant: false });
    app.post(
      "/hooks",
      withIdempotency(() => {}, { store, scope: "hooks" }),
    );
    app.post("/a", guard, async () => "a");
    app.post("/b", { ...guard, schema: { body: { type: "object" } } }, async () => "b");
    return app;
  };
  const first = build();
  await first.ready();
  expect(build).toThrow(expect.objectContaining({ code: "scope_in_use" }));
  await first.close();
  const second = build();
  await second.ready();
  await second.close();
});

test("a guarded route whose client has left is waited for", async () => {
  const { open, passed } = gate();
  const started = gate();
  const store = memoryStore();
  const app = Fastify({ forceCloseConnections: true });
  app.post("/orders", idempotency({ store, scope: "orders", tenant: false }), async () => {
    started.open();
    await passed;
    return { made: true };
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const leaving = new AbortController();
  const headers = { "idempotency-key": "k-1" };
  const call = fetch(`${url}/orders`, { method: "POST", headers, signal: leaving.signal }).catch(
    () => "left",
  );
  await started.passed;
  leaving.abort();
  expect(await call).toBe("left");
  const closed = app.close();
  open();
  await closed;
  expect(await store.get({ scope: "orders", key: "k-1" })).toMatchObject({ state: "completed" });
});

test("a mounted handler belongs to whoever made it", async () => {
  const app = Fastify();
  app.register(mount({ maxBodyBytes: 10, handle: async () => ({ status: 204, headers: {}, body: null }) }), {
    prefix: "/x",
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  for (const path of ["/x", "/x/", "/x/deep/er?q=1"]) expect((await fetch(url + path)).status).toBe(204);
  await app.close();
});

test("a guard that several apps share is closed with the last of them", async () => {
  const guard = idempotency({ store: memoryStore(), scope: "orders", tenant: false });
  const build = async () => {
    const app = Fastify();
    app.post("/orders", guard, async () => "made");
    await app.ready();
    const call = (key: string) =>
      app.inject({ method: "POST", url: "/orders", headers: { "idempotency-key": key } });
    return { app, call };
  };
  const [one, two] = [await build(), await build()];
  expect((await one.call("a")).statusCode).toBe(200);
  await one.app.close();
  expect((await two.call("b")).statusCode).toBe(200);
  await two.app.close();
});
