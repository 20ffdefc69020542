/** Receivers for tests: small requests, problems read back, and everything closed at the end. */
import {
  createReceiver,
  type HttpRequest,
  type HttpResponse,
  memoryStore,
  type Receiver,
  type ReceiverOptions,
  type WebhookHandler,
} from "@hooklatch/core";
import { afterEach, expect } from "vitest";
import { utf8 } from "./outcome.js";

const open: Receiver[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((receiver) => receiver.close({ drainMs: 0 })));
});

/** A receiver with quick retries and a quick worker, closed after the test. */
export function receiving(handler: WebhookHandler, options: Partial<ReceiverOptions> = {}): Receiver {
  const receiver = createReceiver(handler, {
    store: memoryStore(),
    scope: "hooks",
    worker: { pollMs: 10 },
    ...options,
    retry: options.retry ?? { initialDelayMs: 1 },
  });
  open.push(receiver);
  return receiver;
}

export interface Sent {
  method?: string;
  url?: string;
  basePath?: string;
  headers?: HttpRequest["headers"];
  body?: string | Uint8Array;
  native?: unknown;
}

export function request(sent: Sent = {}): HttpRequest {
  const { body = '{"id":"e-1"}', headers = {}, ...rest } = sent;
  return {
    method: "POST",
    url: "/hooks?a=1",
    basePath: "",
    ...rest,
    headers: Object.assign(Object.create(null), headers),
    body: typeof body === "string" ? utf8(body) : body,
  };
}

/** A request with this `Idempotency-Key`. */
export const keyed = (key: string, body?: string): HttpRequest =>
  request({ headers: { "idempotency-key": key }, ...(body === undefined ? {} : { body }) });

export const text = (response: HttpResponse): string =>
  new TextDecoder().decode(response.body ?? new Uint8Array(0));
export const json = (response: HttpResponse): unknown => JSON.parse(text(response));

/** Checks that a response is a problem (RFC 9457) with all of its members, and gives the rest to compare. */
export function expectProblem(
  response: HttpResponse,
  expected: { status: number; code: string; retryable: boolean; retryAfter?: boolean },
): { title: string; detail: string } {
  const { retryAfter = false, ...rest } = expected;
  expect(response.status).toBe(expected.status);
  expect(response.headers["content-type"]).toBe("application/problem+json");
  const problem = json(response) as Record<string, unknown>;
  expect(problem).toMatchObject({ ...rest, type: `urn:hooklatch:problem:${expected.code}` });
  expect(Object.keys(problem).sort()).toEqual(["code", "detail", "retryable", "status", "title", "type"]);
  expect(problem.title).toEqual(expect.stringMatching(/\S/));
  expect(problem.detail).toEqual(expect.stringMatching(/\S/));
  if (retryAfter) expectRetryAfter(response);
  else expect(response.headers).not.toHaveProperty("retry-after");
  return problem as { title: string; detail: string };
}

function expectRetryAfter(response: HttpResponse): void {
  expect(response.headers["retry-after"]).toMatch(/^([1-9]|[1-5]\d|60)$/);
}

/** Checks `202 {"status":"processing"}` with `Retry-After`. */
export function expectProcessing(response: HttpResponse): void {
  expect(response.status).toBe(202);
  expect(json(response)).toEqual({ status: "processing" });
  expect(response.headers["content-type"]).toBe("application/json");
  expectRetryAfter(response);
}

/** Checks `200 {"status":"duplicate"}`, marked as a replay. */
export function expectDuplicate(response: HttpResponse): void {
  expect(response.status).toBe(200);
  expect(json(response)).toEqual({ status: "duplicate" });
  expect(response.headers["idempotent-replayed"]).toBe("true");
}
