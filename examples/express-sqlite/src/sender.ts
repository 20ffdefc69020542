/** Sends webhooks as Stripe does: a signed event, delivered over HTTP, again and again if need be. */
import { randomUUID } from "node:crypto";
import Stripe from "stripe";

export interface SentEvent {
  id: string;
  orderId: string;
  /** The body. */
  payload: string;
}

/** A paid order, as Stripe reports it. `name` makes it another one. */
export function paidOrder(sku: string, note?: string, name = randomUUID().slice(0, 8)): SentEvent {
  const id = `evt_${name}`;
  const orderId = `cs_test_${name}`;
  const metadata = { sku, ...(note === undefined ? {} : { note }) };
  const session = { id: orderId, object: "checkout.session", amount_total: 1_900, currency: "eur", metadata };
  const created = Math.floor(Date.now() / 1000);
  const event = {
    id,
    object: "event",
    type: "checkout.session.completed",
    created,
    data: { object: session },
  };
  return { id, orderId, payload: JSON.stringify({ ...event, livemode: false, pending_webhooks: 1 }) };
}

/** The same event in other bytes, as Stripe sends it later: `pending_webhooks` has counted down. */
export function laterCopy(event: SentEvent): SentEvent {
  const payload = JSON.stringify({ ...JSON.parse(event.payload), pending_webhooks: 0 });
  return { ...event, payload };
}

export interface Answer {
  /** `undefined`: the connection broke before there was one. */
  status: number | undefined;
  /** Of a problem, `status` is the number. */
  body: { status?: string | number; code?: string; order?: string };
  replayed: boolean;
  ms: number;
}

export function deliver(url: string, event: SentEvent, secret: string, by = post): Promise<Answer> {
  const signature = Stripe.webhooks.generateTestHeaderString({ payload: event.payload, secret });
  return by(`${url}/webhooks/stripe`, event.payload, { "stripe-signature": signature });
}

export async function post(url: string, body: string, headers: Record<string, string>): Promise<Answer> {
  const from = performance.now();
  const ms = (): number => Math.round(performance.now() - from);
  try {
    const init = { method: "POST", headers: { "content-type": "application/json", ...headers }, body };
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(15_000) });
    const text = await response.text();
    const replayed = response.headers.get("idempotent-replayed") === "true";
    const isJson = response.headers.get("content-type")?.includes("json");
    return { status: response.status, body: isJson ? JSON.parse(text) : {}, replayed, ms: ms() };
  } catch {
    return { status: undefined, body: {}, replayed: false, ms: ms() };
  }
}

/** In a few words: `200 paid`, `200 paid (replayed)`, `202 processing`, `no answer`. */
export function describe({ status, body, replayed }: Answer): string {
  if (status === undefined) return "no answer";
  return `${status} ${body.code ?? body.status ?? ""}${replayed ? " (replayed)" : ""}`;
}
