/** `POST /api/orders`: a retry with the same `Idempotency-Key` gets the order that the first request made. */
import { customerOf } from "../../../lib/customers.js";
import { once } from "../../../lib/once.js";
import { createOrder } from "../../../lib/orders.js";

export const POST = once(async (request) => {
  const { sku } = (await request.json()) as { sku: string };
  const order = createOrder(customerOf(request), sku);
  return Response.json(order, { status: 201, headers: { location: `/api/orders/${order.id}` } });
});
