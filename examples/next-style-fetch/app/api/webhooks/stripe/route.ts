/** `POST /api/webhooks/stripe`: each event is handled once, retried when that fails, and kept until it is done. */
import { withIdempotency } from "@hooklatch/fetch";
import { listeners } from "example-express-sqlite/log";
import Stripe from "stripe";
import { orderFrom, shop } from "../../../../lib/shop.js";
import { deadLetters, store } from "../../../../lib/store.js";

const secret = process.env.STRIPE_WEBHOOK_SECRET ?? "whsec_for_playing_only";

export const POST = withIdempotency(
  async (event, context) => {
    const { type, data } = event.json<Stripe.Event>();
    if (type !== "checkout.session.completed") return;
    const { id, amount_total: amount, metadata } = data.object;
    await shop.fulfil(orderFrom({ ...metadata, id, amount }), context);
    return { status: "paid", order: id }; // kept, and sent to every duplicate
  },
  {
    store,
    deadLetters,
    scope: "stripe",
    on: listeners,
    verify(event) {
      Stripe.webhooks.constructEvent(event.body, String(event.headers["stripe-signature"]), secret);
    },
    key: (event) => event.json<Stripe.Event>().id,
  },
);
