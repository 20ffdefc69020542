/** Whose API key it is. A real app asks its database; `tenant` may be asynchronous. */
const customers = new Map([
  ["key_alice", "alice"],
  ["key_bob", "bob"],
]);

/** Empty for a stranger: `tenant` then refuses the request with `400`. */
export function customerOf(request: Request): string {
  return customers.get(request.headers.get("x-api-key") ?? "") ?? "";
}
