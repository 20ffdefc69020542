/** Adapters that are broken in one way each, mostly ways in which published ones are, and the case that must notice. */
import type { Admission, Guard, GuardedRun, HttpRequest, HttpResponse } from "@hooklatch/core";
import { type Parts, parts } from "./guarded-fetch.js";

interface AdapterMutant {
  flaw: string;
  /** The beginning of the name of the case that must fail; others may fail too. */
  caughtBy: string;
  /** Made anew for each run, so that what a mutant remembers is its own. */
  parts(): Partial<Parts>;
}

const mutant = (flaw: string, caughtBy: string, changed: () => Partial<Parts>): AdapterMutant => {
  return { flaw, caughtBy, parts: changed };
};

/** The options, changed. */
const options = (flaw: string, caughtBy: string, change: Parts["options"]): AdapterMutant =>
  mutant(flaw, caughtBy, () => ({ options: change }));

/** The guard, with its answer to a claim changed. */
function claiming(
  flaw: string,
  caughtBy: string,
  change: (admission: Admission, request: HttpRequest) => Admission,
): AdapterMutant {
  const guard = (real: Guard): Guard => ({
    ...real,
    claim: async (key, request) => change(await real.claim(key, request), request),
  });
  return mutant(flaw, caughtBy, () => ({ guard }));
}

/** The run, with what it does at the end changed. */
function running(
  flaw: string,
  caughtBy: string,
  change: (run: GuardedRun, request: HttpRequest) => Partial<GuardedRun>,
): AdapterMutant {
  return claiming(flaw, caughtBy, (admission, request) => {
    if (admission.kind !== "run") return admission;
    const { run } = admission;
    return { kind: "run", run: { ...run, ...change(run, request) } };
  });
}

/** The answer of the whole, changed. */
function answering(
  flaw: string,
  caughtBy: string,
  change: (response: Response, request: Request) => Response | Promise<Response>,
): AdapterMutant {
  const around: Parts["around"] = async (request, answer) => change(await answer(request), request);
  return mutant(flaw, caughtBy, () => ({ around }));
}

const UNGUARDED: GuardedRun = {
  maxResultBytes: 0,
  finish: async () => undefined,
  finishUnkept: async () => true,
  abandon: async () => {},
  streams: () => {},
};

function isAnswer(admission: Admission, status: number): admission is Extract<Admission, { kind: "answer" }> {
  return admission.kind === "answer" && !admission.replayed && admission.response.status === status;
}

const asText = (bytes: Uint8Array): Uint8Array => Buffer.from(Buffer.from(bytes).toString());

function changed(response: Response, change: (headers: Headers) => void): Response {
  const { status, statusText, body } = response;
  const headers = new Headers(response.headers);
  change(headers);
  return new Response(body, { status, statusText, headers });
}

const MARK = "idempotent-replayed";

const keys: AdapterMutant[] = [
  mutant("the first of several keys is taken", "key: sent more than once it is refused", () => ({
    enter: (guard, { method, headers }) =>
      guard.enter(method, { "idempotency-key": headers.get("idempotency-key")?.split(",")[0] }),
  })),
  mutant("a long key is cut", "key: of 255 characters it is taken", () => ({
    enter: (guard, { method, headers }) =>
      guard.enter(method, { "idempotency-key": headers.get("idempotency-key")?.slice(0, 255) }),
  })),
  mutant("a malformed key is none", "key: a malformed one is refused", () => ({
    enter(guard, request) {
      const entry = parts.enter(guard, request);
      return entry.kind === "answer" ? { kind: "pass" } : entry;
    },
  })),
  mutant("a key keeps its quotes", "key: quoted and bare it is the same", () => ({
    enter(guard, request) {
      const entry = parts.enter(guard, request);
      return entry.kind === "claim"
        ? { kind: "claim", key: request.headers.get("idempotency-key") ?? "" }
        : entry;
    },
  })),
  options("every method is guarded", "key: other methods than POST and PATCH pass", (o) => ({
    ...o,
    methods: ["POST", "PATCH", "GET", "PUT", "DELETE"],
  })),
  options("required is ignored", "key: a request without one is refused", (o) => ({ ...o, required: false })),
  answering("what passes is marked", "untouched: JSON", (response) =>
    changed(response, (headers) => headers.set("x-idempotency", "none")),
  ),
];

const identities: AdapterMutant[] = [
  options("the tenant is no part of the key", "tenant: the same key of two tenants", (o) => ({
    ...o,
    tenant: false,
  })),
  options("a tenant that cannot be found is shared", "tenant: where the function throws", (o) => ({
    ...o,
    tenant(head) {
      try {
        return o.tenant === false ? "none" : o.tenant(head);
      } catch {
        return "undefined";
      }
    },
  })),
  mutant("tenant and key are joined with a colon", "tenant: with its key it is never taken", () => ({
    options: (o) => ({ ...o, tenant: false }),
    enter(guard, request) {
      const entry = parts.enter(guard, request);
      const tenant = request.headers.get("x-tenant");
      return entry.kind === "claim" && tenant ? { kind: "claim", key: `${tenant}:${entry.key}` } : entry;
    },
  })),
  options("nothing but the key is looked at", "identity: another body, query, path or method", (o) => ({
    ...o,
    fingerprint: false,
  })),
  options("nothing but the body is looked at", "identity: two routes of one guard", (o) => ({
    ...o,
    fingerprint: ({ body }) => body,
  })),
  mutant("the path is that of the router", "identity: a fingerprint of one's own", () => ({
    guard: (real) => ({
      ...real,
      claim: (key, request) => real.claim(key, { ...request, url: request.url.replace("/api/v1", "") }),
    }),
  })),
  mutant("another request takes the key over", "identity: another body, query, path or method", () => {
    let store: Parameters<Parts["options"]>[0]["store"] | undefined;
    return {
      options(o) {
        store = o.store;
        return o;
      },
      guard: (real) => ({
        ...real,
        async claim(key, request) {
          const admission = await real.claim(key, request);
          if (isAnswer(admission, 422)) await store?.delete({ scope: "orders", key });
          return admission;
        },
      }),
    };
  }),
];

/** Remembers what it should not. */
function cookieKeeper(): Partial<Parts> {
  const cookies = new Map<string, string[]>();
  return {
    async around(request, answer) {
      const key = request.headers.get("idempotency-key") ?? "";
      const response = await answer(request);
      if (!response.headers.has(MARK)) cookies.set(key, response.headers.getSetCookie());
      return changed(response, (headers) => {
        if (headers.has(MARK)) for (const one of cookies.get(key) ?? []) headers.append("set-cookie", one);
      });
    },
  };
}

const replays: AdapterMutant[] = [
  mutant("a replay has the first one's cookies", "replay: several Set-Cookie", cookieKeeper),
  answering("several cookies become one header", "replay: several Set-Cookie", (response) =>
    changed(response, (headers) => {
      const cookies = headers.getSetCookie();
      if (cookies.length > 0) headers.set("set-cookie", cookies.join(", "));
    }),
  ),
  running("what is kept is kept as text", "replay: every value a byte can have", (run) => ({
    finish: (response) => run.finish({ ...response, body: response.body && asText(response.body) }),
  })),
  running("the encoding of what is kept is lost", "replay: compressed bytes", (run) => ({
    finish({ status, headers: { "content-encoding": _, ...headers }, body }) {
      return run.finish({ status, headers, body });
    },
  })),
  answering("every response becomes text", "replay: compressed bytes", async (response) => {
    const { status, headers } = response;
    return new Response(response.body && (await response.text()), { status, headers });
  }),
  answering("an empty response cannot be made anew", "replay: 204", async (response) => {
    const { status, headers } = response;
    return headers.has(MARK) ? new Response(await response.text(), { status, headers }) : response;
  }),
  answering("a replay does not say that it is one", "replay: JSON", (response) =>
    changed(response, (headers) => headers.delete(MARK)),
  ),
  answering("a replay loses its type", "replay: JSON", (response) =>
    changed(response, (headers) => {
      if (headers.has(MARK)) headers.set("content-type", "text/plain");
    }),
  ),
  options("a 500 is kept", "status: 5xx, and what says who", (o) => ({ ...o, shouldStore: () => true })),
  options("only a success is kept", "status: 4xx of the route itself", (o) => ({
    ...o,
    shouldStore: (status) => status < 300,
  })),
  options("a redirect is not kept", "replay: a redirect", (o) => ({
    ...o,
    shouldStore: (status) => status < 300 || status >= 400,
  })),
];

const runs: AdapterMutant[] = [
  claiming("a duplicate in flight runs", "at once: of 20 equal requests one runs, the others", (admission) =>
    isAnswer(admission, 409) ? { kind: "run", run: UNGUARDED } : admission,
  ),
  options("nobody waits", 'at once: of 20 equal requests one runs, and with whenRunning "wait"', (o) => ({
    ...o,
    whenRunning: "answer",
  })),
  claiming(
    "a duplicate in flight is not told when to come back",
    "at once: of 20 equal requests one runs, the others",
    (admission) => {
      if (!isAnswer(admission, 409)) return admission;
      const { "retry-after": _, ...headers } = admission.response.headers;
      return { ...admission, response: { ...admission.response, headers } as HttpResponse };
    },
  ),
  running("a route that throws keeps its key", "error: a route that throws", () => ({
    abandon: async () => {},
  })),
  running("a route that rejects is kept as a 500", "error: a route that rejects", (run) => ({
    async abandon() {
      await run.finishUnkept(200);
    },
  })),
  running("what is too large to keep runs again", "large: a response over maxResultBytes", (run) => ({
    async finishUnkept() {
      await run.abandon();
      return true;
    },
  })),
  answering("events are collected", "stream: an event is at the client", async (response) => {
    const { status, headers } = response;
    return new Response(response.body && (await response.arrayBuffer()), { status, headers });
  }),
  running(
    "a client that leaves releases the key",
    "disconnect: while the route works, it ends",
    (run, request) => {
      const { signal } = request.native as Request;
      signal.addEventListener("abort", () => void run.abandon());
      return {};
    },
  ),
  running(
    "a client that leaves a stream releases the key",
    "disconnect: in the middle of events",
    (run, request) => {
      const { signal } = request.native as Request;
      signal.addEventListener("abort", () => void run.abandon());
      return {};
    },
  ),
  mutant("close() refuses nobody", "close: new requests are refused", () => ({
    guard: (real) => ({ ...real, close: async () => {} }),
  })),
];

const faults: AdapterMutant[] = [
  claiming("without the store it runs all the same", "store: out of reach at the claim", (admission) =>
    isAnswer(admission, 503) ? { kind: "run", run: UNGUARDED } : admission,
  ),
  running("what could not be stored leaves", "store: where the completion cannot be stored", (run) => ({
    async finish(response) {
      await run.finish(response);
      return undefined;
    },
  })),
  running("a run that lost its claim answers", "lease: one that lost its claim answers", (run) => ({
    async finish(response) {
      await run.finish(response);
      return undefined;
    },
  })),
  running("a stream that could not be stored ends well", "store: where the end of a stream", (run) => ({
    async finishUnkept(status) {
      await run.finishUnkept(status);
      return true;
    },
  })),
  options("a claim that is sent again has another owner", "store: a claim whose answer is lost", (o) => {
    let sent = 0;
    const { store } = o;
    return { ...o, store: { ...store, claim: (r) => store.claim({ ...r, owner: `${r.owner}-${sent++}` }) } };
  }),
];

const bodies: AdapterMutant[] = [
  mutant("the route gets the body as text", "body: a form with a file", () => ({
    route: (route) => async (request) => {
      if (request.body === null) return route(request);
      const { method, headers } = request;
      return route(new Request(request.url, { method, headers, body: await request.text() }));
    },
  })),
  mutant("the route gets no body", "body: JSON is readable", () => ({
    route: (route) => (request) =>
      route(new Request(request.url, { method: request.method, headers: request.headers })),
  })),
  options("the size of a body is not limited", "body: over maxBodyBytes", (o) => ({
    ...o,
    maxBodyBytes: 10_000_000,
  })),
  mutant("a webhook's body is parsed and written anew", "webhook: the handler gets the bytes", () => ({
    handler: (handler) => ({
      ...handler,
      handle: (request, host) => handler.handle({ ...request, body: asText(request.body) }, host),
    }),
  })),
  mutant("a handler does not see where it is mounted", "mount: the path itself", () => ({
    mountedAt: () => "",
  })),
  mutant("a handler sees its own part of the path", "webhook: the event has the original path", () => ({
    handler: (handler) => ({
      ...handler,
      handle: (request, host) =>
        handler.handle({ ...request, url: request.url.replace("/api/v1", "") }, host),
    }),
  })),
];

export const adapterMutants = [...keys, ...identities, ...replays, ...runs, ...faults, ...bodies];
