/** Asks the server, and tells apart what can go wrong. */
import { ACTION_HEADER } from "../src/api.js";
import { noteServerTime } from "./clock.js";

/** `status` 0: no answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = "Problem";
  }
}

export const base = document.documentElement.dataset.base ?? "";

const TIMEOUT_MS = 20_000;

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(path, { method: "GET" }, signal);
}

export function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return ask<T>(
    path,
    {
      method: "POST",
      headers: { "content-type": "application/json", [ACTION_HEADER]: "1" },
      body: JSON.stringify(body),
    },
    signal,
  );
}

export function toProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem(0, "page_error", String(error));
}

async function ask<T>(path: string, init: RequestInit, signal: AbortSignal | undefined): Promise<T> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${base}/${path}`, {
      ...init,
      cache: "no-store",
      credentials: "same-origin",
      headers: { accept: "application/json", ...init.headers },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    text = await response.text();
  } catch (error) {
    signal?.throwIfAborted();
    const late = timeout.aborted;
    throw new Problem(
      0,
      "unreachable",
      late ? `No answer within ${TIMEOUT_MS / 1000} seconds.` : String((error as Error).message ?? error),
    );
  }
  noteServerTime(response.headers.get("date"));
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = undefined;
  }
  if (!response.ok) throw refusal(response.status, answer);
  if (answer === undefined) {
    // A proxy's or a sign-in page in between answers with HTML.
    throw new Problem(0, "not_json", "Something other than the dashboard's server answered.");
  }
  return answer as T;
}

function refusal(status: number, answer: unknown): Problem {
  const { code, detail, title } = (typeof answer === "object" && answer !== null ? answer : {}) as {
    code?: unknown;
    detail?: unknown;
    title?: unknown;
  };
  const message = [detail, title].find((text) => typeof text === "string" && text !== "");
  return new Problem(
    status,
    typeof code === "string" ? code : `http_${status}`,
    typeof message === "string" ? message : `The server answered ${status}.`,
  );
}
