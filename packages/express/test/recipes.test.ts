/** The recipes of docs/own-routes.md: they are what the page shows, and they do what it says. */
import { readFileSync } from "node:fs";
import { memoryStore } from "@hooklatch/core";
import express, { type RequestHandler } from "express";
import { expect, test } from "vitest";
import { ietfDraft } from "./recipes/ietf-draft.js";
import { stripeV1 } from "./recipes/stripe-v1.js";
import { listen } from "./support/server.js";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test.for(["stripe-v1", "ietf-draft"])("the page shows the recipe %s as it is tested", (name) => {
  expect(read("../../../docs/own-routes.md")).toContain(`\`\`\`ts\n${read(`recipes/${name}.ts`)}\`\`\``);
});

/** An app whose route answers with these statuses, one after the other. */
async function serving(guard: RequestHandler, statuses: number[]) {
  let runs = 0;
  const app = express();
  app.post("/charges", guard, (_request, response) => {
    const status = statuses[runs++];
    if (status === undefined) throw new Error("the route threw");
    response.status(status).json({ run: runs });
  });
  // Keeps Express from printing what the route throws.
  const silent: express.ErrorRequestHandler = (_error, _request, response, _next) => {
    response.status(500).json({ run: runs });
  };
  app.use(silent);
  const { port } = await listen(app);
  return async (headers: Record<string, string>, body = "amount=1") => {
    const answer = await fetch(`http://127.0.0.1:${port}/charges`, { method: "POST", body, headers });
    const json = (await answer.json()) as { run?: number; code?: string };
    return { status: answer.status, ...json, replayed: answer.headers.get("idempotent-replayed") };
  };
}

test("Stripe v1: a 500 after execution began is kept, a 429 is not, and keys belong to the API key", async () => {
  const guard = stripeV1({ store: memoryStore(), scope: "charges" });
  const post = await serving(guard, [429]);
  const key = { authorization: "Bearer sk_1", "idempotency-key": "k-1" };
  expect(await post(key)).toMatchObject({ status: 429, run: 1, replayed: null });
  expect(await post(key)).toMatchObject({ status: 500, run: 2, replayed: null });
  expect(await post(key)).toMatchObject({ status: 500, run: 2, replayed: "true" });
  expect(await post(key, "amount=2")).toMatchObject({ status: 422, code: "key_reused" });
  expect(await post({ ...key, authorization: "Bearer sk_2" })).toMatchObject({ status: 500, run: 3 });
  expect(await post({ "idempotency-key": "k-1" })).toMatchObject({ status: 400, code: "invalid_tenant" });
  await guard.close();
});

test("IETF draft: the key is required, and an error is a result like any other", async () => {
  const guard = ietfDraft({ store: memoryStore(), scope: "charges", tenant: false });
  const post = await serving(guard, [402]);
  expect(await post({})).toMatchObject({ status: 400, code: "key_missing" });
  expect(await post({ "idempotency-key": '"k-1"' })).toMatchObject({ status: 402, run: 1 });
  expect(await post({ "idempotency-key": '"k-1"' })).toMatchObject({ status: 402, run: 1, replayed: "true" });
  expect(await post({ "idempotency-key": '"k-2"' })).toMatchObject({ status: 500, run: 2 });
  expect(await post({ "idempotency-key": '"k-2"' })).toMatchObject({ status: 500, run: 2, replayed: "true" });
  expect(await post({ "idempotency-key": '"k-2"' }, "amount=2")).toMatchObject({ status: 422 });
  await guard.close();
});
