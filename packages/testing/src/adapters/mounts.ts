/** `mount`: anything that speaks plain HTTP data, at a path and everything below it. */
import assert from "node:assert/strict";
import type { HttpHandler, HttpRequest, HttpResponse } from "@hooklatch/core";
import type { AdapterCase, AdapterCases } from "./case.js";
import { isProblem } from "./checks.js";
import type { Outgoing } from "./client.js";

async function mounted(t: AdapterCase, answer: (request: HttpRequest) => HttpResponse) {
  const seen: HttpRequest[] = [];
  const handler: HttpHandler = {
    maxBodyBytes: 1_000,
    async handle(request) {
      seen.push(request);
      return answer(request);
    },
  };
  const app = await t.serve({ mounted: { "/dash": handler }, plain: {} });
  return { seen, send: (path: string, outgoing?: Outgoing) => app.open(path, outgoing).reply };
}

const OK: HttpResponse = { status: 200, headers: {}, body: null };

export const mountCases: AdapterCases = {
  "mount: the path itself and everything below it, with the original url and its base path": async (t) => {
    const { seen, send } = await mounted(t, () => OK);
    const paths = ["/dash", "/dash/", "/dash?x=1", "/dash/letters/7%2F8?page=2&q=a+b"];
    for (const path of paths) assert.equal((await send(path, { method: "GET" })).status, 200);
    assert.deepEqual(
      seen.map(({ url, basePath }) => [url, basePath]),
      paths.map((path) => [t.basePath + path, `${t.basePath}/dash`]),
    );
  },
  "mount: nothing beside it": async (t) => {
    const { seen, send } = await mounted(t, () => OK);
    for (const path of ["/dashboard", "/other"])
      assert.equal((await send(path, { method: "GET" })).status, 404);
    assert.equal(seen.length, 0);
  },
  "mount: every method, with the bytes that were sent": async (t) => {
    const { seen, send } = await mounted(t, ({ body }) => ({ ...OK, body }));
    const body = Buffer.from([0, 255, 0x7b, 0x0a]);
    const headers = [["Content-Type", "application/json"]] as const;
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const reply = await send("/dash/x", { method, headers, body });
      assert.deepEqual([reply.status, reply.body], [200, body], method);
    }
    assert.deepEqual(
      seen.map(({ method }) => method),
      ["POST", "PUT", "PATCH", "DELETE"],
    );
  },
  "mount: HEAD has the headers of the response, and no body": async (t) => {
    const { seen, send } = await mounted(t, () => ({
      ...OK,
      headers: { etag: '"v1"' },
      body: Buffer.from("body"),
    }));
    const reply = await send("/dash", { method: "HEAD" });
    assert.deepEqual([reply.status, reply.header("etag"), seen[0]?.method], [200, '"v1"', "HEAD"]);
  },
  "mount: status, headers and body leave as they are": async (t) => {
    const body = Uint8Array.from({ length: 256 }, (_, n) => n);
    const headers = { "content-type": "application/x-own", "set-cookie": ["a=1", "b=2"], "x-own": "yes" };
    const { send } = await mounted(t, () => ({ status: 418, headers, body }));
    const reply = await send("/dash", { method: "GET" });
    assert.deepEqual(
      [reply.status, reply.header("content-type"), reply.all("set-cookie"), reply.header("x-own")],
      [418, "application/x-own", ["a=1", "b=2"], "yes"],
    );
    assert.deepEqual(new Uint8Array(reply.body), body);
    for (const name of ["transfer-encoding", "content-length"]) assert.ok(reply.all(name).length < 2);
  },
  "mount: 204 and 304": async (t) => {
    const { send } = await mounted(t, ({ url }) => ({ ...OK, status: Number(url.slice(-3)) }));
    for (const status of [204, 304]) {
      assert.equal((await send(`/dash/${status}`, { method: "GET" })).status, status);
    }
  },
  "mount: a body over maxBodyBytes is refused, and the handler not called": async (t) => {
    const { seen, send } = await mounted(t, () => OK);
    for (const chunked of [false, true]) {
      isProblem(await send("/dash", { body: "x".repeat(1_001), chunked }), 413, "body_too_large");
    }
    assert.equal(seen.length, 0);
  },
};
