/** What this file shows, it shows by compiling: `tsc` runs over the tests. */
import type { WebhookEvent } from "@hooklatch/core";
import { memoryStore } from "@hooklatch/core";
import { mount, withIdempotency } from "@hooklatch/express";
import express5 from "express";
import express4 from "express4";
import { expect, test } from "vitest";

const options = (scope: string) => ({ store: memoryStore(), scope, worker: false as const });

test("routes are accepted by every place of either major", async () => {
  const route = withIdempotency(async (event: WebhookEvent) => event.json<{ id: string }>().id, options("a"));
  for (const app of [express5()]) {
    app.post("/a", route);
    app.post("/:account/b", route);
    app.post(/c/, express5.raw({ type: "*/*" }), route);
    app.use("/d", mount({ handle: async () => ({ status: 200, headers: {}, body: null }), maxBodyBytes: 1 }));
    app.route("/e").post(route).put(route);
    express5.Router().all("/f", route);
  }
  for (const app of [express4()]) {
    app.post("/a", route);
    app.post("/:account/b", route);
    app.post(/c/, express4.raw({ type: "*/*" }), route);
    app.use("/d", mount({ handle: async () => ({ status: 200, headers: {}, body: null }), maxBodyBytes: 1 }));
    app.route("/e").post(route).put(route);
    express4.Router().all("/f", route);
  }
  await route.close();
  expect(typeof route).toBe("function");
});

test("wrong options do not compile", async () => {
  // @ts-expect-error scope is required
  expect(() => withIdempotency(() => {}, { store: memoryStore() })).toThrow("scope");
  // @ts-expect-error store is required
  expect(() => withIdempotency(() => {}, { scope: "a" })).toThrow("store");
  // @ts-expect-error a tenant is a string
  const route = withIdempotency(() => {}, { ...options("b"), tenant: () => 5 });
  await route.close();
});
