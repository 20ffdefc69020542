/** Transparency: what is not guarded leaves the app as if there were no guard, to the byte. */
import assert from "node:assert/strict";
import { broken, bytes, chunks, empty, json, redirect, text } from "./answers.js";
import { type AdapterCase, type AdapterCases, newKey, OPTIONS } from "./case.js";
import type { Outgoing } from "./client.js";
import type { RouteAnswer } from "./harness.js";
import type { Reply } from "./reply.js";

/** Dates differ from second to second. */
function rawOf({ raw }: Reply): string {
  return raw.toString("latin1").replace(/^date: .*$/im, "Date: now");
}

async function same(t: AdapterCase, answer: () => RouteAnswer, requests: readonly Outgoing[]): Promise<void> {
  const app = await t.serve({
    guarded: [{ options: { store: t.store, ...OPTIONS }, routes: { "/guarded": answer } }],
    plain: { "/plain00": answer },
  });
  for (const outgoing of requests) {
    const [guarded, plain] = await Promise.all([
      app.open("/guarded", outgoing).reply,
      app.open("/plain00", outgoing).reply,
    ]);
    assert.equal(rawOf(guarded), rawOf(plain));
  }
  assert.equal(t.store.total, 0);
}

const KEY = [["Idempotency-Key", newKey()]] as const;
const METHODS: Outgoing[] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"].map((method) => ({ method }));
const REQUESTS: Outgoing[] = [
  { body: "{}", headers: [["Content-Type", "application/json"]] },
  {},
  ...METHODS,
  ...METHODS.map((request) => ({ ...request, headers: KEY })),
];
const COOKIES = [
  ["set-cookie", "a=1"],
  ["set-cookie", "b=2"],
  ["x-own", "yes"],
] as const;

export const untouchedCases: AdapterCases = {
  "untouched: JSON": (t) => same(t, () => json({ id: 7 }, 201, COOKIES), REQUESTS),
  "untouched: text": (t) => same(t, () => text("plain ☕"), REQUESTS),
  "untouched: bytes": (t) => same(t, () => bytes(Uint8Array.of(0, 128, 255)), REQUESTS),
  "untouched: nothing": (t) => same(t, () => empty(204), REQUESTS),
  "untouched: a redirect": (t) => same(t, () => redirect("/elsewhere", 302), REQUESTS),
  "untouched: chunks": (t) => same(t, () => chunks(["one", "two"]), [{}, ...METHODS]),
  "untouched: an error": (t) =>
    same(
      t,
      () => {
        throw broken();
      },
      REQUESTS,
    ),
};
