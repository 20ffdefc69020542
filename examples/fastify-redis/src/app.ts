/** The app: two webhook endpoints. Each event is handled once, retried when that fails, and kept until it is done. */
import type { ReceiverOptions } from "@hooklatch/core";
import { withIdempotency } from "@hooklatch/fastify";
import { redisDeadLetters, redisStore } from "@hooklatch/redis";
import Fastify, { type FastifyInstance } from "fastify";
import { Redis } from "ioredis";
import Stripe from "stripe";
import { onError, onServer } from "./redis-log.js";
import { orderFrom, type Shop } from "./shop.js";

export interface AppOptions {
  shop: Shop;
  /** Where events, results and dead letters are kept. */
  database: string;
  /** `whsec_…`, from the Stripe dashboard. */
  stripeSecret: string;
  /** Other times than the defaults, and listeners. */
  tuning?: Tuning;
}

export type Tuning = Pick<ReceiverOptions, "leaseMs" | "on" | "retentionMs" | "retry" | "worker">;

export function createApp({ shop, database, stripeSecret, tuning }: AppOptions): {
  app: FastifyInstance;
  close(): Promise<void>;
} {
  const client = new Redis(database).on("error", onError);
  const store = redisStore(client, { onServer });
  const deadLetters = redisDeadLetters(client);
  // A sender waits two seconds at most. What takes longer goes on after the answer.
  const shared = { store, deadLetters, respondWithinMs: 2_000, ...tuning };

  const stripeRoute = withIdempotency(
    async (event, context) => {
      const { type, data } = event.json<Stripe.Event>();
      if (type !== "checkout.session.completed") return;
      const { id, amount_total: amount, metadata } = data.object;
      await shop.fulfil(orderFrom({ ...metadata, id, amount }), context);
      return { status: "paid", order: id }; // kept, and sent to every duplicate
    },
    {
      ...shared,
      scope: "stripe",
      verify(event) {
        Stripe.webhooks.constructEvent(event.body, String(event.headers["stripe-signature"]), stripeSecret);
      },
      key: (event) => event.json<Stripe.Event>().id,
    },
  );

  // Any sender. The key is the Idempotency-Key header, or the hash of the body where there is none.
  const genericRoute = withIdempotency(
    async (event, context) => {
      await shop.fulfil(orderFrom(event.json()), context);
    },
    { ...shared, scope: "generic" },
  );

  const app = Fastify();
  app.post("/webhooks/stripe", stripeRoute);
  app.post("/webhooks/generic", genericRoute);

  async function close(): Promise<void> {
    // First the handlers, then what they use.
    await app.close();
    await store.close?.();
    await deadLetters.close?.();
    client.disconnect();
    shop.close();
  }
  return { app, close };
}
