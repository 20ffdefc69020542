/** Who may do what, and whether a request that changes something was sent by the dashboard's own page. */
import type { HttpRequest, HttpResponse } from "@hooklatch/core";
import { ACTION_HEADER, type Action } from "./api.js";
import type { Access, Settings } from "./options.js";
import { refuse } from "./refusal.js";

export interface Visitor {
  allow: ReadonlySet<Action>;
  by?: string | undefined;
}

const ALL: readonly Action[] = ["read", "replay", "edit", "discard"];

/** Who asks. A response: to be sent instead. Nobody is let in by a mistake: what `authorize` gives that makes no sense is no access. */
export async function visitorOf(
  { authorize, readOnly }: Pick<Settings, "authorize" | "readOnly">,
  request: HttpRequest,
): Promise<Visitor | HttpResponse> {
  let access: Awaited<ReturnType<typeof authorize>>;
  try {
    access = await authorize(request);
  } catch {
    return { allow: new Set() };
  }
  if (isSendable(access)) return access;
  const given: Partial<Access> = access === true ? { allow: "all" } : ((access || {}) as Partial<Access>);
  const allow = given.allow === "all" ? ALL : Array.isArray(given.allow) ? given.allow : [];
  const most: readonly Action[] = readOnly ? ["read"] : ALL;
  // Without `read` there is nothing to be seen, and so nothing to be done.
  const actions = allow.includes("read") ? most.filter((action) => allow.includes(action)) : [];
  return { allow: new Set(actions), ...(typeof given.by === "string" && { by: given.by }) };
}

/**
 * Not everything with a `status` is one: access may have fields of its own. A `Response` of Fetch is none, either: its parts are not its own
 * properties, so it would be sent without its status or its headers.
 */
function isSendable(given: unknown): given is HttpResponse {
  if (typeof given !== "object" || given === null || "allow" in given) return false;
  const { status, headers, body } = given as Partial<Record<keyof HttpResponse, unknown>>;
  const isStatus = Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599;
  return isStatus && isPlain(headers) && (body === null || body instanceof Uint8Array);
}

function isPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

export function isResponse(visitor: Visitor | HttpResponse): visitor is HttpResponse {
  return "status" in visitor;
}

/**
 * Refuses a request that another site made the browser send. What proves the same origin is `Sec-Fetch-Site`, which no page can set
 * (https://www.w3.org/TR/fetch-metadata/), or, where a browser does not send it (plain HTTP), `Origin`. The JSON content type and the
 * header of its own are what a form cannot send, and what another origin may not send without a preflight that is never allowed.
 *
 * @throws {Refusal} `cross_site`, `not_json`, `action_header_missing`
 */
export function assertSameOrigin(request: HttpRequest, allowedOrigins: readonly string[]): void {
  const { headers } = request;
  if (!isSameOrigin(request, allowedOrigins)) {
    throw refuse(
      403,
      "cross_site",
      "Only the dashboard's own page may do this, and the request does not come from it.",
    );
  }
  if (!/^application\/json\s*(;|$)/i.test(one(headers["content-type"]))) {
    throw refuse(415, "not_json", "The body must be application/json.");
  }
  if (one(headers[ACTION_HEADER]) === "") {
    throw refuse(403, "action_header_missing", `The header ${ACTION_HEADER} is missing.`);
  }
}

/** Refuses to be read by another site's script, where the browser says that this is what is happening. */
export function assertNotCrossSite({ headers }: HttpRequest): void {
  const site = one(headers["sec-fetch-site"]);
  if (site === "cross-site" || site === "same-site") {
    throw refuse(403, "cross_site", "Another site asks for this.");
  }
}

function isSameOrigin({ headers }: HttpRequest, allowedOrigins: readonly string[]): boolean {
  const origin = one(headers.origin);
  const site = one(headers["sec-fetch-site"]);
  // A header that came twice proves nothing.
  if (Array.isArray(headers.origin) || Array.isArray(headers["sec-fetch-site"])) return false;
  if (site !== "") return site === "same-origin";
  if (allowedOrigins.includes(origin)) return true;
  try {
    return origin !== "null" && new URL(origin).host === one(headers.host).toLowerCase();
  } catch {
    return false;
  }
}

function one(value: string | readonly string[] | undefined): string {
  return typeof value === "string" ? value : "";
}
