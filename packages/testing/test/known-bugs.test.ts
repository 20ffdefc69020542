/**
 * Bugs that other idempotency libraries have (found by reading them), and the tests that would find each one here. A test that is renamed
 * or lost fails this file.
 */
import { readFileSync } from "node:fs";
import { adapterContract, storeContract } from "@hooklatch/testing";
import { expect, test } from "vitest";

const noHarness = {
  open: () => Promise.reject(new Error("not opened")),
  serve: () => Promise.reject(new Error()),
};
const contracts = {
  adapter: adapterContract({ ...noHarness, basePath: "" }).map(({ name }) => name),
  store: storeContract({ ...noHarness, child: () => ({ module: "", argument: undefined }) }).map(
    ({ name }) => name,
  ),
};

/** `adapter:` and `store:` are cases of the contracts; anything else is a file under `packages`, and a text in it. */
const BUGS: Record<string, string[]> = {
  "the claim is find and then create, so that parallel requests all run (express-idempotency, universal)": [
    "adapter: at once: of 20 equal requests one runs",
  ],
  "a claim whose reply was lost meets itself, gets 409, and is stuck (idempot)": [
    "adapter: store: a claim whose answer is lost is sent again",
  ],
  "the lease is the retention, so that a crash locks the key for a day (node-idempotency, hono-idempotency, idempot)":
    ["faults/test/guarded.test.ts: a storm of kills"],
  "no fencing: an expired owner overwrites its successor (Powertools, hono-idempotency, reaatech)": [
    "adapter: lease: one that lost its claim answers with the winner's stored response",
    "faults/test/guarded.test.ts: paused past its lease",
  ],
  "a route longer than the lease runs twice, because nothing renews it (reaatech)": [
    "fetch/test/workerd.test.ts: keeps a claim whatever becomes of the request that came before it",
  ],
  "the store fails after the side effect, and the client gets an error that invites a second run (Powertools, hono-idempotency)":
    [
      "adapter: store: where the completion cannot be stored",
      "adapter: store: a completion whose answer is lost is sent again",
    ],
  "a store that is down: the request hangs, or the route runs unprotected (node-idempotency)": [
    "adapter: store: out of reach at the claim",
    "adapter: store: silent at the claim",
  ],
  "the response is stored after it left, so that an immediate retry gets 409 or runs again (idempot)": [
    "express/test/guard-held.test.ts: server.close() while the store is asked",
    "adapter: store: where the end of a stream cannot be stored, it is cut off",
  ],
  "only res.send is seen: end, write, pipe, redirect and sendFile are lost, and the key is locked (node-idempotency, express-idempotency)":
    [
      "express/test/guard-sends.test.ts: test.each(ROUTES)",
      "adapter: replay: several chunks",
      "adapter: replay: a stream",
      "adapter: replay: a redirect",
    ],
  "an empty or null body is replayed by running the route again (node-idempotency)": [
    "adapter: replay: 200 without a body",
  ],
  "204, 205 and 304 cannot be replayed: a TypeError (hono-idempotency, idempot, universal)": [
    "adapter: replay: 204",
    "adapter: replay: 205",
    "adapter: replay: 304",
  ],
  HEAD: [
    "express/test/guard-held.test.ts: HEAD, its head flushed early",
    "adapter: mount: HEAD has the headers",
  ],
  "a binary response is decoded as text, for the first client too (hono-idempotency, idempot, node-idempotency)":
    ["adapter: replay: every value a byte can have"],
  "JSON is parsed and written again, so that numbers change (node-idempotency)": ["adapter: replay: JSON"],
  "a Content-Encoding is replayed on a body without it (idempot, reaatech)": [
    "adapter: replay: compressed bytes",
    "hono/test/guard.test.ts: compress() mounted %s the guard",
    "fastify/test/guard.test.ts: @fastify/compress: a replay is compressed",
  ],
  "Set-Cookie is replayed to somebody else (idempot, reaatech, universal)": [
    "adapter: replay: several Set-Cookie reach the first client, and nobody else",
  ],
  "what is stored is what serialisers and onSend hooks will still change, so that a replay leaks (idempot on Fastify)":
    ["fastify/test/guard.test.ts: what a schema strips, and an onSend hook changes"],
  "events and streams are buffered for ever, or replayed as {} (hono-idempotency, node-idempotency)": [
    "adapter: stream: an event is at the client before the route ends",
    "adapter: stream: a slow one passes as it is written",
  ],
  "a response too large to keep deletes the record, so that a retry runs again (nestarc, celeris)": [
    "adapter: large: a response over maxResultBytes passes whole, and is not run again",
  ],
  "a client that disconnects releases the key while its route runs (reaatech), or locks it for a day (idempot)":
    [
      "adapter: disconnect: while the route works, it ends its work once",
      "express/test/guard-cut.test.ts: before the route answers: the route runs on",
    ],
  "a disconnect in the middle of the response leaves the key stuck (idempot)": [
    "adapter: disconnect: in the middle of a stream",
    "express/test/guard-cut.test.ts: during a pipe of which nothing has left yet",
  ],
  "a route that throws leaves the key stuck (universal), at once, later, or after its head": [
    "adapter: error: a route that throws",
    "adapter: error: a route that rejects",
    "adapter: error: thrown after the head was written",
  ],
  "every error deletes the key or every error is kept, and nothing can be chosen (nestarc, node-idempotency)":
    [
      "adapter: status: 5xx, and what says who, when or how often, is released",
      "adapter: status: 4xx of the route itself is stored",
      "adapter: status: shouldStore can keep everything (Stripe v1)",
    ],
  "a released key forgets its payload (all but AdCP)": [
    "adapter: status: 5xx, and what says who, when or how often, is released, still bound to its request",
  ],
  "its own 409 or 422 is stored, or overwrites the good record (node-idempotency on Fastify)": [
    "adapter: identity: another body, query, path or method under the same key is refused, and what it was for stays",
    "adapter: identity: the same while the first request is still running",
  ],
  "a mismatch while the first request runs is told 409, and retried for nothing (hono-idempotency)": [
    "adapter: identity: the same while the first request is still running",
  ],
  "a mounted router hides the path, so that two routes share a key (node-idempotency, reaatech)": [
    "adapter: identity: two routes of one guard never get each other's response",
    "express/test/guard-untouched.test.ts: one guard for routers at /a and /b",
  ],
  "the query is no part of the fingerprint (hono-idempotency, nestarc, idempot)": [
    "adapter: identity: another body, query, path or method",
  ],
  "the body is in the key, so that another body is another operation and 422 never happens (reaatech)": [
    "adapter: identity: another body, query, path or method",
  ],
  "the same body under another key is refused (idempot)": [
    "adapter: at once: other keys do not wait for each other",
  ],
  "keys are global: one client gets another one's response (six of seven)": [
    "adapter: tenant: the same key of two tenants runs twice",
  ],
  "parts of a key are joined with a separator that they may hold: a:b + c, a + b:c (reaatech)": [
    "adapter: tenant: with its key it is never taken for another pair",
    "core/test/key.prop.test.ts: storageKey is injective",
  ],
  "a missing tenant becomes a shared one (Powertools)": [
    "adapter: tenant: where it is empty",
    "adapter: tenant: where the function throws",
  ],
  "a request without a key shares a record with all others (Powertools, idempotency-backend)": [
    "adapter: key: a request without one passes, every time",
  ],
  "quoted and bare keys are different keys (idempot)": ["adapter: key: quoted and bare it is the same"],
  "a key of 255 characters breaks the store (node-idempotency on Postgres)": [
    "adapter: key: of 255 characters",
  ],
  "a repeated header is joined, and taken for a key": ["adapter: key: sent more than once it is refused"],
  "reading the body corrupts the route's uploads (hono-idempotency, idempot)": [
    "adapter: body: a form with a file is readable by the route",
    "fastify/test/guard.test.ts: @fastify/multipart gets its upload whole",
    "hono/test/guard.test.ts: parseBody after the guard has the file",
  ],
  "the fingerprint is taken again after the route, from a body that it has changed (Powertools, node-idempotency)":
    ["adapter: body: JSON is readable by the route"],
  "__proto__, a/A, 1 and 1.0, repeated members: a canonical form that is none (Powertools, idempot)": [
    "core/test/fingerprint.test.ts: __proto__",
  ],
  "a retention of more than 24.8 days fires its timer at once (nestarc)": [
    "core/test/memory.test.ts: a retention longer than any timer",
  ],
  "an expired row that is still there locks the key for ever (hono-idempotency on D1, universal)": [
    "store: ",
  ],
  "the process cannot end, because a timer is open (node-idempotency)": [
    "express/test/process.test.ts: success, failure, dead letter, a sender that goes away, close: silent, and the process ends",
  ],
  "a second guard replaces the first one's store (express-idempotency), or shares its scope": [
    "fastify/test/closing.test.ts: an app that never had a request closes its routes too",
  ],
  "the middleware changes what it does not guard": [
    "adapter: untouched: JSON",
    "express/test/guard-untouched.test.ts: the same raw bytes",
  ],
};

test.for(Object.entries(BUGS))("%s", ([, tests]) => {
  for (const where of tests) {
    const [place = "", name = ""] = where.split(/: (.*)/s);
    if (place === "adapter" || place === "store") {
      expect(
        contracts[place].some((one) => one.startsWith(name)),
        where,
      ).toBe(true);
    } else {
      expect(readFileSync(new URL(`../../${place}`, import.meta.url), "utf8"), where).toContain(name);
    }
  }
});
