/**
 * `createDashboard`: a page for the person on call, mounted in the app that has the handlers. It shows what failed and why, and puts it back.
 *
 * @module
 */
import { type HttpHandler, type HttpRequest, type HttpResponse, json } from "@hooklatch/core";
import { assertNotCrossSite, assertSameOrigin, isResponse, type Visitor, visitorOf } from "./access.js";
import { bulk, discardOne, release, replayOne } from "./actions.js";
import type { Session } from "./api.js";
import { closeFilter, countLetters, found, letterDetail, listLetters } from "./letters.js";
import { operationDetail } from "./operation.js";
import { type DashboardOptions, resolveOptions, type Settings } from "./options.js";
import { createOverview } from "./overview.js";
import { asset, SAFE_HEADERS, shell } from "./page.js";
import { refuse, responseTo } from "./refusal.js";
import { seen } from "./shown.js";

export type { Action, Filter } from "./api.js";
export type { AuditEntry } from "./audit.js";
export type { Access, DashboardOptions } from "./options.js";

const MAX_BODY_BYTES = 1024 * 1024;

type Read = (query: URLSearchParams, parts: readonly string[]) => Promise<unknown>;
type Change = (visitor: Visitor, body: Record<string, unknown>, parts: readonly string[]) => Promise<unknown>;

/**
 * A dashboard over a store and its dead-letter queue, for every adapter's `mount`, under any path.
 *
 * `GET` changes nothing; what changes something is refused unless the dashboard's own page sent it, and `authorize` allows it. Payloads are
 * shown as text alone, under a policy that runs no script but its own; credentials and signatures are never shown.
 *
 * @throws {HooklatchError} `invalid_option`
 *
 * @example
 * const dashboard = createDashboard({ store, deadLetters, authorize: (request) => isAdmin(request) && { allow: "all", by: "ann" } });
 * app.use("/hooklatch", mount(dashboard));
 */
export function createDashboard(options: DashboardOptions): HttpHandler {
  const settings = resolveOptions(options);
  const reads = readsOf(settings);
  const changes = changesOf(settings);

  async function answer(request: HttpRequest): Promise<HttpResponse> {
    const { path, query } = placeOf(request);
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (isRead && path[0] === "assets") {
      const file = path.length === 2 ? asset(path[1] as string) : undefined;
      if (file !== undefined) return file;
      throw refuse(404, "not_found", "There is no such file.");
    }
    if (!isRead && request.method !== "POST") {
      throw refuse(405, "method_not_allowed", "Only GET and POST are known here.", {
        allow: "GET, HEAD, POST",
      });
    }
    // Before anybody is asked who it is: a request of another site must not even be able to ask.
    if (!isRead) assertSameOrigin(request, settings.allowedOrigins);
    else if (path[0] === "api") assertNotCrossSite(request);
    const visitor = await visitorOf(settings, request);
    if (isResponse(visitor)) return visitor;
    if (!visitor.allow.has("read")) throw refuse(403, "not_allowed", "You may not see this.");
    if (path[0] !== "api") {
      if (!isRead)
        throw refuse(405, "method_not_allowed", "A page can only be read.", { allow: "GET, HEAD" });
      return shell(request.basePath, settings.title);
    }
    if (!isRead)
      return json(
        200,
        await run(match(changes, path), (change, parts) => change(visitor, bodyOf(request), parts)),
      );
    if (path.join("/") === "api/session") return json(200, sessionOf(settings, visitor));
    if (path.length === 4 && path[1] === "letters" && path[3] === "event")
      return download(settings, path[2] as string);
    return json(200, await run(match(reads, path), (read, parts) => read(query, parts)));
  }

  return {
    maxBodyBytes: MAX_BODY_BYTES,
    async handle(request) {
      let response: HttpResponse;
      try {
        response = await answer(request);
      } catch (error) {
        response = responseTo(error);
      }
      const headers = { "cache-control": "no-store", ...response.headers, ...SAFE_HEADERS };
      return { ...response, headers, body: request.method === "HEAD" ? null : response.body };
    },
  };
}

/** `:` stands for one part of a path, which is given to what is called. */
function readsOf(settings: Settings): Record<string, Read> {
  const overview = createOverview(settings);
  return {
    "api/overview": () => overview(),
    "api/letters": (query) => listLetters(settings, query),
    "api/letters/count": (query) => countLetters(settings, query),
    "api/letters/closed": (query) => closeFilter(settings, query),
    "api/letters/:": (_, [id = ""]) => letterDetail(settings, id),
    "api/operation": (query) => operationDetail(settings, query),
  };
}

function changesOf(settings: Settings): Record<string, Change> {
  return {
    "api/letters/:/replay": (visitor, body, [id = ""]) => replayOne(settings, visitor, id, body),
    "api/letters/:/discard": (visitor, body, [id = ""]) => discardOne(settings, visitor, id, body),
    "api/replay": (visitor, body) => bulk(settings, visitor, "replay", body),
    "api/discard": (visitor, body) => bulk(settings, visitor, "discard", body),
    "api/operation/release": (visitor, body) => release(settings, visitor, body),
  };
}

function match<Route>(
  routes: Record<string, Route>,
  path: readonly string[],
): { route: Route; parts: string[] } {
  for (const [pattern, route] of Object.entries(routes)) {
    const expected = pattern.split("/");
    if (expected.length !== path.length) continue;
    if (expected.every((part, n) => part === ":" || part === path[n])) {
      return { route, parts: path.filter((_, n) => expected[n] === ":") };
    }
  }
  throw refuse(404, "not_found", "There is nothing here.");
}

function run<Route, Result>(
  { route, parts }: { route: Route; parts: string[] },
  call: (route: Route, parts: string[]) => Promise<Result>,
): Promise<Result> {
  return call(route, parts);
}

/** @throws {Refusal} `not_found` for a path that is not one */
function placeOf({ url, basePath }: HttpRequest): { path: string[]; query: URLSearchParams } {
  const [whole = "", search = ""] = url.split("?", 2);
  const rest = whole.startsWith(basePath) ? whole.slice(basePath.length) : whole;
  // A base path like `//elsewhere` would make the page load its script from there.
  if (basePath.startsWith("//")) throw refuse(404, "not_found", "There is nothing here.");
  try {
    const path = rest
      .split("/")
      .filter((part) => part !== "")
      .map(decodeURIComponent);
    return { path, query: new URLSearchParams(search) };
  } catch {
    throw refuse(404, "not_found", "There is nothing here.");
  }
}

function bodyOf({ body }: HttpRequest): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Refused below.
  }
  throw refuse(400, "invalid_json", "The body must be a JSON object.");
}

function sessionOf(settings: Settings, { allow, by }: Visitor): Session {
  const { readOnly, title, pollMs, activity, redactText } = settings;
  return {
    ...(by !== undefined && { by }),
    allow: [...allow],
    readOnly,
    title,
    pollMs,
    textSearch: redactText === undefined,
    activity: activity !== undefined,
  };
}

/** As a file, whatever is in it: never something that a browser would show. */
async function download(settings: Settings, id: string): Promise<HttpResponse> {
  const letter = await found(settings.deadLetters, id);
  return {
    status: 200,
    headers: {
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="event-${letter.id.slice(0, 12).replace(/[^\w-]/g, "")}.bin"`,
    },
    body: seen(letter.event, settings).body,
  };
}
