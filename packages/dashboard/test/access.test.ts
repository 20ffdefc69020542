/** Who may do what, and from where: nothing changes unless the dashboard's own page asks, and `authorize` allows it. */
import { type DeadLetter, HooklatchError, memoryDeadLetters, memoryStore } from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { type Action, type AuditEntry, createDashboard, type DashboardOptions } from "../src/index.js";
import { ask, OWN_PAGE } from "./support/asking.js";
import { failing } from "./support/letters.js";

async function withLetter(options: Partial<DashboardOptions> = {}) {
  const store = memoryStore();
  const deadLetters = memoryDeadLetters();
  const { deliver, receiver } = failing({ store, deadLetters, scope: "shop", worker: false });
  await deliver("k-1", '{"amount":1}');
  await receiver.close();
  const [letter] = (await deadLetters.list()).letters;
  const log: AuditEntry[] = [];
  const audit = (entry: AuditEntry): void => void log.push(entry);
  const dashboard = createDashboard({ store, deadLetters, authorize: () => true, audit, ...options });
  const unchanged = async () =>
    (await deadLetters.count()) === 1 && (await store.get({ scope: "shop", key: "k-1" }))?.state === "dead";
  return { store, deadLetters, dashboard, letter: letter as DeadLetter, log, unchanged };
}

type Of = Pick<DeadLetter, "id" | "bornAt" | "token">;
const seen = ({ bornAt, token }: Of) => ({ version: { bornAt, token } });

const ACTIONS: [path: (id: string) => string, body: (letter: Of) => unknown, needs: Action[]][] = [
  [(id) => `api/letters/${id}/replay`, (letter) => seen(letter), ["replay"]],
  [(id) => `api/letters/${id}/replay`, (letter) => ({ ...seen(letter), body: "{}" }), ["replay", "edit"]],
  [(id) => `api/letters/${id}/discard`, (letter) => seen(letter), ["discard"]],
  [() => "api/replay", () => ({ batchId: "batch-0001", filter: {} }), ["replay"]],
  [() => "api/discard", () => ({ batchId: "batch-0001", filter: { scope: "shop" } }), ["discard"]],
  [() => "api/operation/release", () => ({ scope: "shop", key: "k-1", expectedToken: 1 }), ["replay"]],
];

const SITES: Record<string, Record<string, string | string[] | undefined>> = {
  "another site": { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
  "another site that forges nothing but the origin": { "sec-fetch-site": "cross-site" },
  "a sibling of the site": { "sec-fetch-site": "same-site", origin: "https://evil.ops.example" },
  "the address bar": { "sec-fetch-site": "none", origin: undefined },
  "another origin, by a browser that sends no Sec-Fetch-Site": {
    "sec-fetch-site": undefined,
    origin: "https://evil.example",
  },
  "another port": { "sec-fetch-site": undefined, origin: "https://ops.example:8443" },
  "no origin at all": { "sec-fetch-site": undefined, origin: undefined },
  "a sandboxed frame": { "sec-fetch-site": undefined, origin: "null" },
  "an origin that is no URL": { "sec-fetch-site": undefined, origin: "ops.example" },
  "an origin that begins like ours": {
    "sec-fetch-site": undefined,
    origin: "https://ops.example.evil.example",
  },
  "two origins": { "sec-fetch-site": undefined, origin: ["https://ops.example", "https://evil.example"] },
  "two sites": { "sec-fetch-site": ["same-origin", "cross-site"] },
  "a form": { "content-type": "application/x-www-form-urlencoded" },
  "a form of plain text": { "content-type": "text/plain" },
  "a form with a file": { "content-type": "multipart/form-data; boundary=x" },
  "a type that only begins like JSON": { "content-type": "application/jsonp" },
  "no type": { "content-type": undefined },
  "no header of its own": { "x-hooklatch-action": undefined },
};

describe("what another site makes a browser send is refused, changes nothing, and asks nobody who it is", () => {
  for (const [name, headers] of Object.entries(SITES)) {
    test(name, async () => {
      let asked = 0;
      const authorize = (): true => {
        asked++;
        return true;
      };
      const { dashboard, letter, unchanged, log } = await withLetter({ authorize });
      for (const [path, body] of ACTIONS) {
        const answer = await ask(dashboard, "POST", path(letter.id), {
          body: body(letter),
          headers: { ...OWN_PAGE, ...headers },
        });
        expect([403, 415]).toContain(answer.status);
      }
      expect(await unchanged()).toBe(true);
      expect([asked, log]).toEqual([0, []]);
    });
  }
});

describe("the dashboard's own page is heard", () => {
  const own: Record<string, Record<string, string | undefined>> = {
    "by Sec-Fetch-Site": { "sec-fetch-site": "same-origin", origin: undefined },
    "by Origin, over plain HTTP": { "sec-fetch-site": undefined, origin: "http://ops.example" },
    "by Origin, in another case": { "sec-fetch-site": undefined, host: "OPS.example" },
    "by an allowed origin, behind a proxy": {
      "sec-fetch-site": undefined,
      host: "internal:3000",
      origin: "https://admin.example",
    },
    "with a charset": { "content-type": "application/json; charset=utf-8" },
  };
  for (const [name, headers] of Object.entries(own)) {
    test(name, async () => {
      const { dashboard, letter } = await withLetter({ allowedOrigins: ["https://admin.example"] });
      const path = `api/letters/${letter.id}/replay`;
      const answer = await ask(dashboard, "POST", path, {
        body: seen(letter),
        headers: { ...OWN_PAGE, ...headers },
      });
      expect([answer.status, answer.json]).toEqual([200, { status: "scheduled" }]);
    });
  }
});

describe("every other method is refused, and GET changes nothing", () => {
  for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]) {
    test(method, async () => {
      const { dashboard, letter, unchanged } = await withLetter();
      for (const [path, body] of ACTIONS) {
        expect((await ask(dashboard, method, path(letter.id), { body: body(letter) })).status).toBe(405);
      }
      expect(await unchanged()).toBe(true);
    });
  }
  test("GET and HEAD", async () => {
    const { dashboard, letter, unchanged } = await withLetter();
    for (const method of ["GET", "HEAD"]) {
      for (const [path, body] of ACTIONS) {
        const answer = await ask(dashboard, method, path(letter.id), { body: body(letter) });
        expect(answer.status, path(letter.id)).toBe(404);
      }
    }
    expect(await unchanged()).toBe(true);
  });
  test("another site's script reads nothing", async () => {
    const { dashboard, letter } = await withLetter();
    for (const path of [
      "api/session",
      "api/overview",
      "api/letters",
      `api/letters/${letter.id}`,
      `api/letters/${letter.id}/event`,
    ]) {
      for (const site of ["cross-site", "same-site"]) {
        const answer = await ask(dashboard, "GET", path, {
          headers: { ...OWN_PAGE, "sec-fetch-site": site },
        });
        expect(answer.status).toBe(403);
      }
    }
  });
});

describe("authorize decides for each action", () => {
  const grants: Action[][] = [[], ["replay"], ["edit"], ["discard"], ["replay", "edit"], ["edit", "discard"]];
  for (const grant of grants) {
    test(["read", ...grant].join(" and "), async () => {
      for (const [path, body, needs] of ACTIONS) {
        const { dashboard, letter, unchanged, log } = await withLetter({
          authorize: () => ({ allow: ["read", ...grant], by: "ann" }),
        });
        const allowed = needs.every((action) => grant.includes(action));
        const answer = await ask(dashboard, "POST", path(letter.id), { body: body(letter) });
        expect(answer.status, `${grant}: ${path("ID")}`).toBe(allowed ? 200 : 403);
        expect(await unchanged()).toBe(!allowed);
        expect(log.at(-1)).toMatchObject({ by: "ann", outcome: allowed ? "done" : "refused" });
      }
    });
  }
  test("without read, nothing is seen or done", async () => {
    const { dashboard, letter, unchanged } = await withLetter({
      authorize: () => ({ allow: ["replay", "edit", "discard"] }),
    });
    for (const [path, body] of ACTIONS)
      expect((await ask(dashboard, "POST", path(letter.id), { body: body(letter) })).status).toBe(403);
    for (const path of ["", "letters", "api/session", "api/overview", `api/letters/${letter.id}`])
      expect((await ask(dashboard, "GET", path)).status).toBe(403);
    expect(await unchanged()).toBe(true);
  });
  const nobody: Record<string, unknown> = {
    false: false,
    undefined: undefined,
    null: null,
    "a number": 1,
    "a text": "all",
    "an object of another shape": { admin: true },
    "a list that is none": { allow: "read" },
    "unknown actions": { allow: ["everything"] },
    "a status that is no number": { status: "active" },
    "a status that is no status": { status: 7, headers: {}, body: null },
    "a response of Fetch": new Response("no", { status: 401 }),
    "a redirect of Fetch": Response.redirect("https://login.example"),
    "a body that is no bytes": { status: 401, headers: {}, body: "no" },
  };
  for (const [name, access] of Object.entries(nobody)) {
    test(`${name} is nobody`, async () => {
      const { dashboard } = await withLetter({ authorize: () => access as never });
      expect((await ask(dashboard, "GET", "api/overview")).status).toBe(403);
    });
  }
  test("who may do what may have fields of its own, such as a status", async () => {
    for (const status of ["active", 200]) {
      const access = { allow: ["read"] as Action[], by: "ann", status };
      const { dashboard } = await withLetter({ authorize: () => access });
      const answer = await ask(dashboard, "GET", "api/session");
      expect([answer.status, answer.json]).toMatchObject([200, { by: "ann", allow: ["read"] }]);
    }
  });
  test("one that throws or rejects is nobody", async () => {
    for (const authorize of [() => Promise.reject(new Error("down")), () => JSON.parse("{")]) {
      const { dashboard } = await withLetter({ authorize });
      expect((await ask(dashboard, "GET", "api/overview")).status).toBe(403);
    }
  });
  test("a response of its own is sent as it is, under the page's policy", async () => {
    const body = new TextEncoder().encode("password?");
    const authorize = () => ({ status: 401, headers: { "www-authenticate": 'Basic realm="ops"' }, body });
    const { dashboard } = await withLetter({ authorize });
    const answer = await ask(dashboard, "GET", "");
    expect([answer.status, answer.text, answer.headers["www-authenticate"]]).toEqual([
      401,
      "password?",
      'Basic realm="ops"',
    ]);
    expect(answer.headers["content-security-policy"]).toContain("default-src 'none'");
  });
  test("read-only: nobody changes anything, and the page knows", async () => {
    const { dashboard, letter, unchanged } = await withLetter({ readOnly: true });
    for (const [path, body] of ACTIONS)
      expect((await ask(dashboard, "POST", path(letter.id), { body: body(letter) })).status).toBe(403);
    expect(await unchanged()).toBe(true);
    expect((await ask(dashboard, "GET", "api/session")).json).toMatchObject({
      allow: ["read"],
      readOnly: true,
    });
  });
});

describe("audit", () => {
  test("is told before and after, by whom, what, and what became of it", async () => {
    const { dashboard, letter, log } = await withLetter({ authorize: () => ({ allow: "all", by: "ann" }) });
    await ask(dashboard, "POST", `api/letters/${letter.id}/replay`, {
      body: { ...seen(letter), body: '{"amount":2}', note: "typo" },
    });
    await ask(dashboard, "POST", "api/discard", {
      body: { batchId: "batch-0001", filter: { scope: "nobody" } },
    });
    const at = expect.any(Number);
    const edit = { at, by: "ann", action: "edit", target: { letter: letter.id }, note: "typo" };
    const bulk = {
      at,
      by: "ann",
      action: "discard",
      target: { filter: { scope: "nobody" } },
      batchId: "batch-0001",
    };
    expect(log).toEqual([
      { ...edit, outcome: "requested" },
      { ...edit, outcome: "done", status: "scheduled" },
      { ...bulk, outcome: "requested" },
      { ...bulk, outcome: "done", status: { done: 0, already: 0, left: 0 } },
    ]);
  });
  test("what it cannot write down is not done", async () => {
    const { dashboard, letter, unchanged } = await withLetter({
      audit: () => Promise.reject(new Error("disk full")),
    });
    for (const [path, body] of ACTIONS) {
      const answer = await ask(dashboard, "POST", path(letter.id), { body: body(letter) });
      expect([answer.status, answer.json.code]).toEqual([503, "audit_failed"]);
    }
    expect(await unchanged()).toBe(true);
  });
});

test("options that make no sense are refused, above all a dashboard without authorize", () => {
  const good = { store: memoryStore(), deadLetters: memoryDeadLetters(), authorize: () => true };
  const wrong: Record<string, unknown>[] = [
    { authorize: undefined },
    { authorize: true },
    { store: {} },
    { deadLetters: { push: async () => {} } },
    { audit: "log" },
    { redact: {} },
    { activity: {} },
    { allowedOrigins: ["ops.example"] },
    { allowedOrigins: ["https://ops.example/"] },
    { pollMs: 1 },
    { readonly: true },
  ];
  for (const change of wrong) {
    const call = () => createDashboard({ ...good, ...change } as unknown as DashboardOptions);
    expect(call, JSON.stringify(change)).toThrow(expect.objectContaining({ code: "invalid_option" }));
  }
  expect(HooklatchError.is(new HooklatchError("invalid_option", ""))).toBe(true);
});
