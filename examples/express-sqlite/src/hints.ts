/** What `start` prints: lines to paste into a second terminal. */
import { fileURLToPath } from "node:url";

export function hints(url: string): string {
  const folder = fileURLToPath(new URL("..", import.meta.url));
  const post = `curl -i ${url}/webhooks/generic -H 'content-type: application/json'`;
  const run = "node --import tsx src";
  return `
Paste these into another terminal. What happens to each event is printed here; Ctrl-C stops the server.

# An event. Again: a duplicate, told by the hash of its body. Nothing is done twice.
${post} -d '{"id":"order-1","sku":"mug"}'
${post} -d '{"id":"order-1","sku":"mug"}'

# With a key of the sender's: once, then a duplicate, then 422 for another body under the same key.
${post} -H 'Idempotency-Key: key-1' -d '{"id":"order-2","sku":"mug"}'
${post} -H 'Idempotency-Key: key-1' -d '{"id":"order-2","sku":"mug"}'
${post} -H 'Idempotency-Key: key-1' -d '{"id":"order-3","sku":"shirt"}'

# Slow: answered 202 after two seconds, done later. Paste it again to see.
${post} -d '{"id":"order-4","sku":"mug","note":"slow"}'

# Fails four times within a few seconds (retries wait up to 1, 2 and 4 s), then it is a dead letter.
${post} -d '{"id":"order-5","sku":"unicorn"}'

# Look at the dead letters, fix the cause, replay one.
cd '${folder}'
${run}/letters.ts
${run}/add-product.ts unicorn
${run}/letters.ts replay <id>

# Signed events, as Stripe sends them: one, 20 copies at once, one that fails twice, and a wrong signature.
${run}/send.ts --url ${url}
${run}/send.ts --url ${url} --times 20
${run}/send.ts --url ${url} --note fail-twice
STRIPE_WEBHOOK_SECRET=whsec_wrong ${run}/send.ts --url ${url}
`;
}
