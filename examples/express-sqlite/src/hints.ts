/** What `start` prints: lines to paste into a second terminal. */
import { randomBytes } from "node:crypto";

/** The example that is served: where its scripts are, and the variables that they and the server must agree on. */
export interface Example {
  folder: string;
  settings: readonly string[];
  /** The path of its dashboard. */
  dashboard?: string;
}

export function hints(
  url: string,
  { folder, settings, dashboard }: Example,
  env: NodeJS.ProcessEnv = process.env,
): string {
  const post = `curl -iw '\\n' ${url}/webhooks/generic -H 'content-type: application/json'`;
  const run = "node --import tsx src";
  // What was handled before the last restart is a duplicate now: other names show it all again.
  const name = randomBytes(2).toString("hex");
  const order = (number: number, sku: string, note = ""): string =>
    `-d '{"id":"order-${name}-${number}","sku":"${sku}"${note === "" ? "" : `,"note":"${note}"`}}'`;
  const key = `-H 'Idempotency-Key: key-${name}'`;
  const set = settings.filter((variable) => env[variable]);
  return `
${dashboard === undefined ? "" : `The dashboard is at ${url}${dashboard}\n`}Paste these into another terminal. What happens to each event is printed here; Ctrl-C stops the server.

# An event, and again: a duplicate, recognised by the hash of its body. Nothing is done twice.
${post} ${order(1, "mug")}
${post} ${order(1, "mug")}

# With a key of the sender's: once, then a duplicate, then 422 for another body under the same key.
${post} ${key} ${order(2, "mug")}
${post} ${key} ${order(2, "mug")}
${post} ${key} ${order(3, "shirt")}

# Slow: answered 202 after two seconds, done later, as the same event sent again tells.
${post} ${order(4, "mug", "slow")}
sleep 2
${post} ${order(4, "mug", "slow")}

# Fails four times within a few seconds (retries wait up to 1, 2 and 4 s), then it is a dead letter.
${post} ${order(5, `unicorn-${name}`)}

# Look at the dead letters, fix the cause, replay one.
cd '${folder}'${set.length === 0 ? "" : `   # and set ${set.join(", ")} there too`}
${run}/letters.ts
${run}/add-product.ts unicorn-${name}
${run}/letters.ts replay <id>

# Signed events, as Stripe sends them: one, 20 copies at once, one that fails twice, and a wrong signature.
${run}/send.ts --url ${url}
${run}/send.ts --url ${url} --times 20
${run}/send.ts --url ${url} --note fail-twice
STRIPE_WEBHOOK_SECRET=whsec_wrong ${run}/send.ts --url ${url}
`;
}
