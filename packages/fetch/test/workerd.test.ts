/** On Cloudflare's own runtime, without Node's built-ins: both wrappers are made while the module loads. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { bundle } from "./workerd/bundle.js";
import { findWorkerd, startWorkerd, type Workerd } from "./workerd/start-workerd.js";

let temp: string;

beforeAll(async () => {
  temp = await mkdtemp(join(tmpdir(), "hooklatch-workerd-"));
});

afterAll(() => rm(temp, { recursive: true, force: true }));

it("is made of nothing but JavaScript: no built-in of Node in all of core, core/web and the adapter", async () => {
  const { imports, files } = await bundle("everything.ts", temp);
  expect(imports).toEqual([]);
  // Of core alone there are more than 40.
  expect(files).toBeGreaterThan(50);
  // And where there is one, it is seen.
  expect((await bundle("for-node.ts", temp)).imports).toEqual(["node:crypto"]);
});

describe.skipIf(findWorkerd() === undefined)("in workerd", () => {
  it("is refused what needs Node", async () => {
    const { code } = await bundle("for-node.ts", temp);
    await expect(startWorkerd(code, temp)).rejects.toThrow("Module not found: node:crypto");
  });

  let workerd: Workerd;

  beforeAll(async () => {
    const { code } = await bundle("worker.ts", temp);
    workerd = await startWorkerd(code, temp);
  });

  afterAll(async () => {
    await workerd?.stop();
  });

  interface Answer {
    status: number;
    headers: Record<string, string>;
    /** A character for each byte. */
    body: string;
  }

  async function post(path: string, body: unknown, key?: string): Promise<Answer> {
    const headers = { "x-tenant": "tenant", ...(key === undefined ? {} : { "idempotency-key": key }) };
    const sent = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(workerd.url + path, sent);
    const bytes = Buffer.from(await response.arrayBuffer()).toString("latin1");
    return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes };
  }

  const json = ({ body }: Answer) => JSON.parse(body) as unknown;
  const replayed = (answer: Answer): Answer => ({
    ...answer,
    headers: { ...answer.headers, "idempotent-replayed": "true" },
  });
  const release = (path: string): Promise<Response> =>
    fetch(`${workerd.url}/release`, { method: "POST", body: path });

  async function runsOf(path: string): Promise<number> {
    const runs = (await (await fetch(workerd.url)).json()) as Record<string, number>;
    return runs[path] ?? 0;
  }

  async function hasRun(path: string, times: number): Promise<void> {
    await vi.waitFor(async () => expect(await runsOf(path)).toBe(times), { timeout: 5_000, interval: 20 });
  }

  it.each([
    { path: "/orders", status: 201 },
    { path: "/orders/empty", status: 204 },
    { path: "/orders/binary", status: 200 },
  ])("runs $path once, and repeats its response byte for byte", async ({ path, status }) => {
    const key = `k-${status}`;
    const first = await post(path, { sku: "mug" }, key);
    expect(first.status).toBe(status);
    expect(await post(path, { sku: "mug" }, key)).toEqual(replayed(first));
    expect(await runsOf(path)).toBe(1);
  });

  it("keeps every byte of a binary response, and sends no body with 204", async () => {
    const { body } = await post("/orders/binary", {}, "bytes");
    expect(body).toBe(String.fromCharCode(...Array.from({ length: 256 }, (_, n) => n)));
    expect((await post("/orders/empty", {}, "nothing")).body).toBe("");
  });

  it("refuses another body under the same key", async () => {
    await post("/orders", { sku: "mug" }, "reused");
    const answer = await post("/orders", { sku: "shirt" }, "reused");
    expect([answer.status, json(answer)]).toEqual([422, expect.objectContaining({ code: "key_reused" })]);
  });

  it("says that a request is still running", async () => {
    const first = post("/orders/held", {}, "held");
    await hasRun("/orders/held", 1);
    const second = await post("/orders/held", {}, "held");
    expect([second.status, json(second)]).toEqual([
      409,
      expect.objectContaining({ code: "request_in_progress", retryable: true }),
    ]);
    await release("/orders/held");
    const answer = await first;
    expect(await post("/orders/held", {}, "held")).toEqual(replayed(answer));
    expect(await runsOf("/orders/held")).toBe(1);
  });

  // A timer ends here with the request that started it, so claims must not share one: packages/core/src/lease.ts.
  it("keeps a claim whatever becomes of the request that came before it", async () => {
    const [before, path] = ["/orders/held-before", "/orders/held-longer"];
    const first = post(before, {}, "before");
    await hasRun(before, 1);
    const long = post(path, {}, "longer");
    await hasRun(path, 1);
    await release(before);
    await first;
    // Longer than the lease.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    let status: number | undefined;
    const again = post(path, {}, "longer").then((answer) => {
      status = answer.status;
    });
    await vi.waitFor(async () => expect(status === 409 || (await runsOf(path)) > 1).toBe(true));
    await release(path);
    await Promise.all([long, again]);
    expect(status).toBe(409);
  });

  it("handles a webhook once, and answers its duplicate with the stored response", async () => {
    const first = await post("/hooks", { id: "evt_1" });
    expect([first.status, json(first)]).toEqual([200, { run: 1, got: { id: "evt_1" } }]);
    expect(await post("/hooks", { id: "evt_1" })).toEqual(replayed(first));
  });

  it("answers in time and goes on, when it is given the context: its work is waited for", async () => {
    const first = await post("/windowed", { id: "evt_1" });
    expect([first.status, json(first)]).toEqual([202, { status: "processing" }]);
    await release("/windowed");
    const completed = await vi.waitFor(async () => {
      const answer = await post("/windowed", { id: "evt_1" });
      expect(answer.status).toBe(200);
      return answer;
    });
    expect([json(completed), completed.headers["idempotent-replayed"]]).toEqual([{ run: 1 }, "true"]);
  });

  it("refuses to answer early without the context: nobody would wait for the work", async () => {
    const answer = await post("/windowed/without-context", { id: "evt_2" });
    expect([answer.status, json(answer)]).toEqual([
      500,
      expect.objectContaining({ code: "wait_until_missing" }),
    ]);
  });

  it("has thrown nothing that nobody caught", () => {
    expect(workerd.output()).toBe("");
  });
});
