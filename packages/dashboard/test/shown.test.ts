/** What the page is given: all of a letter that may be seen, and nothing else. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import {
  type DeadLetter,
  type HttpHandler,
  memoryDeadLetters,
  memoryStore,
  NonRetryableError,
  recordActivity,
  replay,
  withIdempotency,
} from "@hooklatch/core";
import { describe, expect, test } from "vitest";
import { createDashboard, type DashboardOptions } from "../src/index.js";
import { ask, OWN_PAGE } from "./support/asking.js";
import { type Deliver, failing } from "./support/letters.js";

const SECRET = "canary-5f2c";

async function dashboardOf(
  send: (deliver: Deliver) => Promise<unknown>,
  options: Partial<DashboardOptions> = {},
) {
  const store = memoryStore();
  const deadLetters = memoryDeadLetters();
  const { deliver, receiver } = failing({
    store,
    deadLetters,
    scope: "shop",
    worker: false,
    redact: () => ({}),
  });
  await send(deliver);
  await receiver.close();
  const dashboard = createDashboard({ store, deadLetters, authorize: () => true, ...options });
  return {
    store,
    deadLetters,
    dashboard,
    letters: (await deadLetters.list()).letters as [DeadLetter, ...DeadLetter[]],
  };
}

async function everythingOf(dashboard: Parameters<typeof ask>[0], letter: DeadLetter): Promise<string> {
  const { scope, key, id } = letter;
  const paths = [
    "api/letters",
    `api/letters/${id}`,
    `api/letters/${id}/event`,
    `api/operation?${new URLSearchParams({ scope, key })}`,
    "api/overview",
    "",
  ];
  const answers = await Promise.all(paths.map((path) => ask(dashboard, "GET", path)));
  expect(answers.map(({ status }) => status)).toEqual(paths.map(() => 200));
  return answers.map(({ text }) => text).join("\n");
}

test("credentials and signatures that were stored never reach the page", async () => {
  const headers = {
    authorization: `Bearer ${SECRET}`,
    cookie: `a=${SECRET}`,
    "proxy-authorization": SECRET,
    "x-api-key": SECRET,
    "x-hub-signature-256": SECRET,
    "stripe-signature": SECRET,
  };
  const { dashboard, letters } = await dashboardOf((deliver) => deliver("k", "{}", headers));
  expect(new TextDecoder().decode(letters[0].event)).toContain(SECRET);
  expect(await everythingOf(dashboard, letters[0])).not.toContain(SECRET);
});

test("redact and redactText apply to everything that is shown; what is not shown whole cannot be edited", async () => {
  const { dashboard, letters, deadLetters } = await dashboardOf(
    (deliver) => deliver("k", `{"card":"${SECRET}"}`),
    {
      redact: (event) => ({
        url: "/redacted",
        body: new TextEncoder().encode(event.text().replaceAll(SECRET, "…")),
      }),
      redactText: (text) => text.replaceAll("price", "▇▇▇"),
    },
  );
  const [letter] = letters;
  const all = await everythingOf(dashboard, letter);
  expect(all).not.toContain(SECRET);
  expect(all).not.toContain("price");
  expect(all).not.toContain("/webhooks");
  const detail = (await ask(dashboard, "GET", `api/letters/${letter.id}`)).json;
  expect(detail.event).toMatchObject({ redacted: true, text: '{"card":"…"}', url: "/redacted" });
  const answer = await ask(dashboard, "POST", `api/letters/${letter.id}/replay`, {
    body: { version: detail.version, body: detail.event.text },
  });
  expect([answer.status, answer.json.code]).toEqual([409, "redacted"]);
  expect((await deadLetters.get(letter.id))?.event).toEqual(letter.event);
});

describe("what redactText hides is not found by a search", () => {
  const hides = (text: string) => text.replaceAll(/card \d+/g, "card …");
  const dies = async (options: Partial<DashboardOptions> = {}) => {
    const store = memoryStore();
    const deadLetters = memoryDeadLetters();
    const handler = withIdempotency(
      () => {
        throw Object.assign(new NonRetryableError("declined card 4242"), { name: "card 1", code: "card 22" });
      },
      { store, deadLetters, scope: "jobs", retry: false },
    );
    await handler({});
    await handler.close();
    return createDashboard({ store, deadLetters, authorize: () => true, ...options });
  };
  const finds = async (dashboard: HttpHandler, filter: Record<string, string>) =>
    (await ask(dashboard, "GET", `api/letters/count?${new URLSearchParams(filter)}`)).json;
  const refused = expect.objectContaining({ status: 400, code: "search_redacted" });

  test("by its text, in a list, a count or a bulk action", async () => {
    const dashboard = await dies({ redactText: hides });
    const filter = { errorText: "4" };
    const query = new URLSearchParams(filter);
    expect(await finds(dashboard, filter)).toEqual(refused);
    expect((await ask(dashboard, "GET", `api/letters?${query}`)).json).toEqual(refused);
    expect((await ask(dashboard, "GET", `api/letters/closed?${query}`)).json).toEqual(refused);
    for (const action of ["replay", "discard"]) {
      const body = { batchId: "batch-0001", filter };
      expect((await ask(dashboard, "POST", `api/${action}`, { body })).json).toEqual(refused);
    }
    expect((await ask(dashboard, "GET", "api/session")).json.textSearch).toBe(false);
  });
  test("by a name or code that is not shown as it is; by one that is, it is found", async () => {
    const dashboard = await dies({ redactText: hides });
    const [letter] = (await ask(dashboard, "GET", "api/letters")).json.letters;
    expect(letter.error).toEqual({ name: "card …", code: "card …", message: "declined card …" });
    for (const error of ["card 1", "card 22"]) expect(await finds(dashboard, { error })).toEqual(refused);
    expect(await finds(dashboard, { error: "TypeError" })).toEqual({ letters: 0 });
  });
  test("without it, texts are searched", async () => {
    const dashboard = await dies();
    expect(await finds(dashboard, { errorText: "4242" })).toEqual({ letters: 1 });
    expect(await finds(dashboard, { error: "card 22" })).toEqual({ letters: 1 });
    expect((await ask(dashboard, "GET", "api/session")).json.textSearch).toBe(true);
  });
});

test("one letter: its event, attempts, history and a command that sends it again", async () => {
  const { dashboard, letters, store, deadLetters } = await dashboardOf((deliver) =>
    deliver("k", `{"it's":"$(rm -rf /)"}`),
  );
  const [letter] = letters;
  await replay({ store, deadLetters, id: letter.id, by: "ann", note: "again" });
  const { json } = await ask(dashboard, "GET", `api/letters/${letter.id}`);
  expect(json).toMatchObject({
    scope: "shop",
    key: "k",
    state: "waiting",
    error: { name: "NonRetryableError", message: "the price is unknown" },
    errorShown: { stack: expect.stringContaining("NonRetryableError") },
    event: {
      method: "POST",
      url: "/webhooks?from=test",
      text: `{"it's":"$(rm -rf /)"}`,
      cut: false,
      redacted: false,
    },
    timeline: [{ round: 1, attempt: 1, error: { message: "the price is unknown" } }],
  });
  expect(json.curl).toBe(
    [
      "curl --globoff --path-as-is -X 'POST' 'https://shop.example/webhooks?from=test'",
      "-H 'content-type: application/json'",
      "-H 'idempotency-key: k'",
      `--data-raw '{"it'\\''s":"$(rm -rf /)"}'`,
    ].join(" \\\n  "),
  );
  const operation = (await ask(dashboard, "GET", "api/operation?scope=shop&key=k")).json;
  expect(operation).toMatchObject({
    state: "waiting",
    stored: true,
    letterId: letter.id,
    replayHistory: [{ by: "ann", note: "again" }],
  });
});

test("the command sends what was sent, once, to where it was sent: curl makes nothing else of its address", async () => {
  const urls: string[] = [];
  const server = createServer((request, response) => {
    urls.push(String(request.url));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const sent = ["/hook?n=[1-3]&x={a,b}", "/hook?q=a[b]&r=[", "/a/../../admin", "/a/./b//c"];
  const { dashboard, letters } = await dashboardOf(async (deliver) => {
    for (const [n, url] of sent.entries()) await deliver(`k-${n}`, "{}", { host }, url);
  });
  for (const letter of letters) {
    const { json } = await ask(dashboard, "GET", `api/letters/${letter.id}`);
    await promisify(execFile)("/bin/sh", ["-c", `${json.curl} --silent --show-error`]);
  }
  server.close();
  expect(urls.reverse()).toEqual(sent);
});

test("a body that a terminal would act on is not in the command", async () => {
  for (const body of ["\u001b[201~\nrm -rf /\n", "a\u0000b", new Uint8Array([0xff, 0xfe])]) {
    const { dashboard, letters } = await dashboardOf((deliver) => deliver("k", body));
    const { json } = await ask(dashboard, "GET", `api/letters/${letters[0].id}`);
    expect(json.curl).toContain("--data-binary '@event.bin'");
    expect(json.curl).not.toContain("rm -rf");
  }
});

test("of a large body the beginning is shown, at the end of a character, and the download has all of it", async () => {
  const body = `"${"é".repeat(50_000)}"`;
  const { dashboard, letters } = await dashboardOf((deliver) => deliver("k", body));
  const { event, version } = (await ask(dashboard, "GET", `api/letters/${letters[0].id}`)).json;
  expect(event).toMatchObject({ cut: true, bytes: 100_002 });
  expect(event.text).not.toContain("\ufffd");
  expect(body.startsWith(event.text)).toBe(true);
  const download = await ask(dashboard, "GET", `api/letters/${letters[0].id}/event`);
  expect([download.text, download.headers["content-type"]]).toEqual([body, "application/octet-stream"]);
  expect(download.headers["content-disposition"]).toMatch(/^attachment; filename="event-[0-9a-f]{12}\.bin"$/);
  const edit = await ask(dashboard, "POST", `api/letters/${letters[0].id}/replay`, {
    body: { version, body: "{}" },
  });
  expect(edit.json.code).toBe("too_large_to_edit");
});

test("the input of a plain function is shown, edited and replayed", async () => {
  const store = memoryStore();
  const deadLetters = memoryDeadLetters();
  const seen: unknown[] = [];
  const handler = withIdempotency(
    (input: { n: number }) => {
      seen.push(input);
      if (input.n < 2) throw new Error("too small");
    },
    { store, deadLetters, scope: "jobs", retry: false, worker: { pollMs: 5 } },
  );
  await handler({ n: 1 });
  const dashboard = createDashboard({ store, deadLetters, authorize: () => ({ allow: "all", by: "ann" }) });
  const [letter] = (await deadLetters.list()).letters;
  const { json } = await ask(dashboard, "GET", `api/letters/${letter?.id}`);
  expect(json.event).toEqual({ text: '{"n":1}', bytes: 7, cut: false, redacted: false });
  expect(json.curl).toBeUndefined();
  await ask(dashboard, "POST", `api/letters/${letter?.id}/replay`, {
    body: { version: json.version, body: '{"n":2}' },
  });
  await expect.poll(() => deadLetters.count()).toBe(0);
  expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
  await handler.close();
});

describe("bulk", () => {
  const many = async (deliver: Deliver) => {
    for (let n = 0; n < 120; n++) await deliver(`k-${n}`, "{}");
  };
  test("goes in steps, each letter once for a batch", async () => {
    const { dashboard, store } = await dashboardOf(many);
    const body = { batchId: "batch-0001", filter: { errorText: "PRICE" }, perSecond: 1_000 };
    const steps = [];
    for (let next: string | undefined; ; ) {
      const { json } = await ask(dashboard, "POST", "api/replay", { body: { ...body, next } });
      steps.push(json.done);
      next = json.next;
      if (next === undefined) break;
    }
    expect(steps).toEqual([50, 50, 20]);
    const again = await ask(dashboard, "POST", "api/replay", { body });
    expect(again.json).toMatchObject({ done: 0, already: 50 });
    expect((await store.stats("shop")).waiting).toBe(120);
  });
  test("by ids, with the reason of each that was left", async () => {
    const { dashboard, letters } = await dashboardOf(many);
    const ids = [letters[0].id, "nobody"];
    const { json } = await ask(dashboard, "POST", "api/discard", { body: { batchId: "batch-0002", ids } });
    expect(json).toEqual({ done: 1, already: 0, left: [{ id: "nobody", status: "not_found" }] });
  });
  test("what makes no sense is refused, and changes nothing", async () => {
    const { dashboard, deadLetters } = await dashboardOf(many);
    const wrong: unknown[] = [
      {},
      { batchId: "batch-0001" },
      { batchId: "x", filter: {} },
      { batchId: "batch-0001", filter: { unknown: "x" } },
      { batchId: "batch-0001", filter: { scope: 5 } },
      { batchId: "batch-0001", filter: { minReplays: -1 } },
      { batchId: "batch-0001", filter: {}, ids: [] },
      { batchId: "batch-0001", ids: [5] },
      { batchId: "batch-0001", filter: {}, next: "nonsense" },
      { batchId: "batch-0001", filter: {}, note: "x".repeat(1_001) },
      "[]",
      "{",
      "",
    ];
    for (const body of wrong) {
      const answer = await ask(dashboard, "POST", "api/discard", { body });
      expect(answer.status, JSON.stringify(body)).toBe(400);
    }
    expect(
      (
        await ask(dashboard, "POST", "api/replay", {
          body: { batchId: "batch-0001", filter: {}, perSecond: 0 },
        })
      ).status,
    ).toBe(400);
    expect(await deadLetters.count()).toBe(120);
  });
});

test("the overview counts by scope, over hours, and what this process saw", async () => {
  const store = memoryStore();
  const deadLetters = memoryDeadLetters();
  const activity = recordActivity();
  const handler = withIdempotency(
    (n: number) => {
      if (n > 1) throw new Error("too large");
    },
    { store, deadLetters, scope: "jobs", retry: false, on: activity.listeners() },
  );
  for (const n of [1, 1, 2]) await handler(n);
  const dashboard = createDashboard({ store, deadLetters, activity, authorize: () => true });
  const { json } = await ask(dashboard, "GET", "api/overview");
  expect(json.scopes).toEqual([
    expect.objectContaining({
      scope: "jobs",
      completed: 1,
      dead: 1,
      letters: 1,
      since: expect.objectContaining({ replayed: 1, completed: 1, dead: 1 }),
    }),
  ]);
  expect(json.arrivals).toHaveLength(24);
  expect(json.arrivals.at(-1).letters + json.arrivals.at(-2).letters).toBe(1);
  expect(json.activity.steps.at(-1)).toMatchObject({ claimed: 2, replayed: 1 });
  expect(json.store).toMatchObject({ kind: "memory", warnings: [expect.stringContaining("tests")] });
  await handler.close();
});

test("the store down: letters are still read, and what needs the store says so without the driver's words", async () => {
  const { dashboard, letters, store } = await dashboardOf((deliver) => deliver("k", "{}"));
  for (const verb of ["get", "stats", "scopes", "schedule"] as const) {
    const down = () => Promise.reject(new Error("connect ECONNREFUSED redis://:password@10.0.0.1"));
    Object.assign(store, { [verb]: down });
  }
  expect((await ask(dashboard, "GET", "api/letters")).json.letters[0].state).toBe("unknown");
  for (const [method, path] of [
    ["GET", "api/overview"],
    ["POST", `api/letters/${letters[0].id}/replay`],
  ] as const) {
    const { bornAt, token } = letters[0];
    const answer = await ask(dashboard, method, path, { body: { version: { bornAt, token } } });
    expect([answer.status, answer.json.code]).toEqual([503, "store_failed"]);
    expect(answer.text).not.toContain("password");
  }
});

describe("the page", () => {
  test("is under a strict policy, on every answer", async () => {
    const { dashboard } = await dashboardOf(async () => {});
    const shell = await ask(dashboard, "GET", "");
    const script = /src="([^"]+)"/.exec(shell.text)?.[1] as string;
    const style = /href="([^"]+\.css)"/.exec(shell.text)?.[1] as string;
    for (const path of [script, style]) expect(path).toMatch(/^\/ops\/assets\/[\w-]{8,}\.(js|css)$/);
    const answers = [
      shell,
      await ask(dashboard, "GET", script.slice(5)),
      await ask(dashboard, "GET", "api/nothing"),
      await ask(dashboard, "PUT", ""),
    ];
    for (const { headers } of answers) {
      const policy = String(headers["content-security-policy"]);
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
      });
    }
    expect(shell.text).not.toMatch(/<script(?![^>]+src=)|\son\w+=|<style|style=/);
    expect(answers[1]?.headers["cache-control"]).toContain("immutable");
    expect(answers[0]?.headers["cache-control"]).toBe("no-store");
  });
  test("is served below any path, also one that would break out of its attribute or its host", async () => {
    const { dashboard } = await dashboardOf(async () => {});
    for (const basePath of ["", "/a/b", '/"><script>alert(1)</script>', "/'onload='x"]) {
      const { text, status } = await ask(dashboard, "GET", "letters", { basePath });
      expect(status).toBe(200);
      expect(text.match(/<script/g)).toHaveLength(1);
      expect(text).not.toContain("'onload");
    }
    expect((await ask(dashboard, "GET", "letters", { basePath: "//evil.example" })).status).toBe(404);
  });
  test("paths that are none are 404, whoever asks", async () => {
    const { dashboard } = await dashboardOf(async () => {});
    for (const path of [
      "api",
      "api/",
      "api/letters/a/b/c",
      "api/__proto__",
      "assets/x.js",
      "assets/__proto__",
      "assets/../secret",
      "api/letters/%E0%A4%A",
    ])
      expect((await ask(dashboard, "GET", path, { headers: OWN_PAGE })).status, path).toBe(404);
    expect((await ask(dashboard, "GET", "api/letters/none")).json.code).toBe("letter_not_found");
    expect((await ask(dashboard, "GET", "api/operation?scope=a&key=b")).json.code).toBe(
      "operation_not_found",
    );
  });
});
