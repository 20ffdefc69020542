/** Everything that is not answered with what was asked for, as problem+json. */
import { HooklatchError, type HttpResponse, problem } from "@hooklatch/core";

export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
  }
}

export function refuse(
  status: number,
  code: string,
  detail: string,
  headers?: Record<string, string>,
): Refusal {
  return new Refusal(status, code, detail, headers);
}

const TITLES: Record<number, string> = {
  400: "Bad request",
  401: "Not signed in",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Not possible",
  413: "Too large",
  415: "Wrong content type",
  503: "Not available",
};

/** What was thrown, as a response. A store or queue that fails is `503`: the same request may work a little later. */
export function responseTo(error: unknown): HttpResponse {
  const { status, code, detail, headers } = read(error);
  const response = problem({
    status,
    code,
    title: TITLES[status] ?? "Error",
    detail,
    retryable: status === 503,
  });
  return { ...response, headers: { ...response.headers, ...headers } };
}

function read(error: unknown): Pick<Refusal, "status" | "code" | "detail" | "headers"> {
  if (error instanceof Refusal) return error;
  if (HooklatchError.is(error)) {
    const asked =
      error.code === "invalid_argument" || error.code === "invalid_option" || error.code === "invalid_key";
    return { status: asked ? 400 : 503, code: error.code, detail: error.message, headers: {} };
  }
  // What a driver says may hold an address or a password: it is not for the page.
  return {
    status: 503,
    code: "store_failed",
    detail: "The store or the dead-letter queue failed.",
    headers: {},
  };
}
