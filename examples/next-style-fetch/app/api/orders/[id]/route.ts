/** `GET` and `PATCH /api/orders/<id>`. The guarded handler is called as it was: with what is in the path, too. */
import { customerOf } from "../../../../lib/customers.js";
import { once } from "../../../../lib/once.js";
import { addToOrder, orderOf } from "../../../../lib/orders.js";

interface Context {
  params: Promise<{ id: string }>;
}

export async function GET(request: Request, { params }: Context): Promise<Response> {
  const { id } = await params;
  return found(orderOf(customerOf(request), id));
}

export const PATCH = once(async (request, { params }: Context) => {
  const { id } = await params;
  const { add } = (await request.json()) as { add: number };
  return found(addToOrder(customerOf(request), id, add));
});

function found(order: object | undefined): Response {
  return order === undefined ? new Response(null, { status: 404 }) : Response.json(order);
}
