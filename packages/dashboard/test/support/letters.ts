/** Dead letters as a handler that fails makes them: through the whole flow, by deliveries. */
import {
  createReceiver,
  type HttpRequest,
  NonRetryableError,
  type ReceiverOptions,
  type WebhookHandler,
} from "@hooklatch/core";

export type Deliver = (
  key: string,
  body: string | Uint8Array,
  headers?: Record<string, string>,
  url?: string,
) => Promise<number>;

function delivery(
  key: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
  url = "/webhooks?from=test",
): HttpRequest {
  return {
    method: "POST",
    url,
    basePath: "",
    headers: { "content-type": "application/json", "idempotency-key": key, host: "shop.example", ...headers },
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  };
}

/** A receiver whose handler dies at its first attempt, unless `handler` says otherwise. */
export function failing(options: ReceiverOptions, handler?: WebhookHandler) {
  const receiver = createReceiver(
    handler ??
      (() => {
        throw new NonRetryableError("the price is unknown");
      }),
    { retry: { maxAttempts: 2, initialDelayMs: 1, maxDelayMs: 5 }, worker: { pollMs: 20 }, ...options },
  );
  const deliver: Deliver = async (key, body, headers, url) =>
    (await receiver.handle(delivery(key, body, headers, url))).status;
  return { receiver, deliver };
}
