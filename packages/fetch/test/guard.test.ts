/** What is Fetch's own: how hosts call a handler, and what a `Request` and a `Response` may be. What all adapters share is in contract.test.ts. */
import { type GuardOptions, memoryStore, type WebhookEvent } from "@hooklatch/core";
import { idempotency, mount, withIdempotency } from "@hooklatch/fetch";
import { expect, expectTypeOf, test } from "vitest";

const guard = (options: Partial<GuardOptions<Request>> = {}) =>
  idempotency({ store: memoryStore(), scope: "orders", tenant: false, ...options });

const request = (body: BodyInit | null = "{}", init: RequestInit = {}) =>
  new Request("http://host/orders?a=1", {
    method: "POST",
    body,
    headers: { "idempotency-key": "k-1" },
    ...init,
  });

const replayed = (answer: Response) => answer.headers.get("idempotent-replayed");

test("the handler gets the host's own request, with what makes it special, and everything that stands behind it", async () => {
  class HostRequest extends Request {
    readonly nextUrl = new URL("http://host/next");
  }
  const given: unknown[] = [];
  const once = idempotency<HostRequest>({
    store: memoryStore(),
    scope: "a",
    tenant: (r) => r.nextUrl.pathname,
  });
  const POST = once(async (hosts, { params }: { params: { id: string } }, env: string) => {
    given.push(hosts, hosts.nextUrl.pathname, params.id, env, await hosts.text());
    return new Response("ok");
  });
  expectTypeOf(POST).toEqualTypeOf<
    (request: HostRequest, context: { params: { id: string } }, env: string) => Promise<Response>
  >();
  const hosts = new HostRequest(request("body"));
  await POST(hosts, { params: { id: "7" } }, "env");
  expect(given).toEqual([hosts, "/next", "7", "env", "body"]);
});

test("a request without a key reaches the handler as it is, and its response leaves as it is", async () => {
  const passing = new Request("http://host/", { method: "POST", body: "a" });
  const response = new Response("ok");
  let seen: Request | undefined;
  const answer = await guard()((r) => {
    seen = r;
    return response;
  })(passing);
  expect(seen).toBe(passing);
  expect(passing.bodyUsed).toBe(false);
  expect(answer).toBe(response);
});

test("a form stays readable, and a retry that chose another boundary is the same request", async () => {
  const form = () => {
    const data = new FormData();
    data.set("name", "a");
    data.set("file", new File([new Uint8Array([0, 200, 255])], "photo.jpg"));
    return data;
  };
  const POST = guard()(async (r) => {
    const data = await r.formData();
    const file = data.get("file") as File;
    return Response.json([data.get("name"), [...new Uint8Array(await file.arrayBuffer())]]);
  });
  expect(await (await POST(request(form()))).json()).toEqual(["a", [0, 200, 255]]);
  const second = await POST(request(form()));
  expect([await second.json(), replayed(second)]).toEqual([["a", [0, 200, 255]], "true"]);
});

test("a request that was read before is refused, and the handler does not run", async () => {
  const read = request();
  await read.text();
  let runs = 0;
  const answer = await guard()(() => Response.json(++runs))(read);
  expect([answer.status, await answer.json(), runs]).toMatchObject([500, { code: "body_already_read" }, 0]);
  // Its key decides alone, so that nothing needs the body.
  expect((await guard({ fingerprint: false })(() => Response.json(++runs))(read)).status).toBe(200);
});

test.for([
  ["a redirect", () => Response.redirect("http://host/orders/7", 303)],
  ["no body", () => new Response(null, { status: 204 })],
  ["205", () => new Response(null, { status: 205 })],
  ["304", () => new Response(null, { status: 304, headers: { etag: '"1"' } })],
  ["an empty body", () => new Response("")],
  ["a Blob", () => new Response(new Blob([new Uint8Array([0, 255])], { type: "x/y" }))],
  ["statusText", () => new Response("a", { status: 201, statusText: "Made" })],
] as const)("%s", async ([, make]) => {
  let runs = 0;
  const POST = guard()(() => {
    runs++;
    return make();
  });
  const [expected, first, second] = [make(), await POST(request()), await POST(request())];
  const seen = async (r: Response) => [r.status, r.body === null, new Uint8Array(await r.arrayBuffer())];
  expect(first.statusText).toBe(expected.statusText);
  expect([...first.headers]).toEqual([...expected.headers]);
  expect([...second.headers]).toEqual([...expected.headers, ["idempotent-replayed", "true"]].sort());
  const bytes = await seen(expected);
  expect(await seen(first)).toEqual(bytes);
  expect(await seen(second)).toEqual(bytes);
  expect(runs).toBe(1);
});

test("a handler that throws rejects as without the guard, and its key is free", async () => {
  let runs = 0;
  const POST = guard()(() => {
    if (++runs === 1) throw new Error("broken");
    return new Response("ok");
  });
  await expect(POST(request())).rejects.toThrow("broken");
  expect(await (await POST(request())).text()).toBe("ok");
});

test("a response that was read already, or is none, rejects, and its key is free", async () => {
  let runs = 0;
  const POST = guard()(async () => {
    const response = new Response("ok");
    runs++;
    if (runs === 1) await response.text();
    if (runs === 2) response.body?.getReader();
    return runs === 3 ? (undefined as unknown as Response) : response;
  });
  await expect(POST(request())).rejects.toThrow(TypeError);
  await expect(POST(request())).rejects.toThrow(TypeError);
  await expect(POST(request())).rejects.toThrow("returned undefined, which is not a Response");
  expect(await (await POST(request())).text()).toBe("ok");
});

test("a guard that meets a request twice guards it once; the same object later is a retry", async () => {
  let runs = 0;
  const once = guard({ fingerprint: false });
  const POST = once(once(() => Response.json(++runs)));
  const same = request();
  const first = await POST(same);
  expect([first.status, await first.json(), replayed(first)]).toEqual([200, 1, null]);
  const second = await POST(same);
  expect([second.status, await second.json(), replayed(second)]).toEqual([200, 1, "true"]);
});

test("a body that fails before anything left rejects, and its key is free; one that fails later ends in an error, and is not run again", async () => {
  let runs = 0;
  const POST = guard({ maxResultBytes: 1_000 })(() => {
    runs++;
    let pulls = 0;
    const body = new ReadableStream(
      {
        pull(controller) {
          if (runs === 1 || ++pulls === 2) controller.error(new Error("broken"));
          else controller.enqueue(new Uint8Array(2_000));
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(body);
  });
  await expect(POST(request())).rejects.toThrow("broken");
  const cut = await POST(request());
  await expect(cut.arrayBuffer()).rejects.toThrow();
  const again = await POST(request());
  expect([again.status, await again.json()]).toMatchObject([409, { code: "result_not_kept" }]);
});

test("a reader that leaves in the middle of a stream: not stuck, and not run again", async () => {
  const cancelled: unknown[] = [];
  const POST = guard({ maxResultBytes: 10 })(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(100)),
          cancel: (reason) => void cancelled.push(reason),
        }),
      ),
  );
  const reader = ((await POST(request())).body as ReadableStream).getReader();
  await reader.read();
  await reader.cancel("enough");
  expect(cancelled).toEqual(["enough"]);
  expect((await POST(request())).status).toBe(409);
});

test("a protocol switch and a network error pass", async () => {
  const failed = Response.error();
  expect(await guard()(() => failed)(request())).toBe(failed);
});

test("the host is kept alive for a guarded request, whose client may leave", async () => {
  const work: Promise<unknown>[] = [];
  const POST = guard()((_r, _host: { waitUntil(w: Promise<unknown>): void }) => new Response("ok"));
  await POST(request(), { waitUntil: (w) => void work.push(w) });
  expect(work).toHaveLength(1);
});

test("withIdempotency: a window, with waitUntil among what the host passes", async () => {
  const work: Promise<unknown>[] = [];
  let go = (): void => {};
  const going = new Promise<void>((resolve) => {
    go = resolve;
  });
  const handle = async (event: WebhookEvent) => {
    await going;
    return { got: event.text() };
  };
  const hooks = withIdempotency(handle, {
    store: memoryStore(),
    scope: "hooks",
    respondWithinMs: 0,
  });
  const call = () =>
    hooks(
      new Request("http://host/hooks", { method: "POST", body: "ü" }),
      {},
      { waitUntil: (w: Promise<unknown>) => work.push(w) },
    );
  expect((await call()).status).toBe(202);
  go();
  await Promise.all(work);
  expect(await (await call()).json()).toEqual({ got: "ü" });
  await hooks.close();
});

test("mount: a base path of its own; compressed bodies are refused", async () => {
  const echo = mount(
    {
      maxBodyBytes: 5,
      handle: async ({ url, basePath }) => ({
        status: 200,
        headers: {},
        body: new TextEncoder().encode(`${basePath} ${url}`),
      }),
    },
    "/board",
  );
  expect(await (await echo(new Request("http://host/board/a?b=1"))).text()).toBe("/board /board/a?b=1");
  const gzipped = new Request("http://host/", {
    method: "POST",
    body: "a",
    headers: { "content-encoding": "gzip" },
  });
  expect((await echo(gzipped)).status).toBe(415);
  expect((await echo(new Request("http://host/", { method: "POST", body: "123456" }))).status).toBe(413);
});
