/** Sends a signed Stripe event: `node --import tsx src/send.ts --note fail-twice --times 3`. */
import { parseArgs } from "node:util";
import { deliver, describe, paidOrder } from "./sender.js";
import { readSettings } from "./settings.js";

const { port, stripeSecret } = readSettings();
const { values } = parseArgs({
  options: {
    url: { type: "string", default: `http://127.0.0.1:${port}` },
    sku: { type: "string", default: "mug" },
    note: { type: "string" },
    times: { type: "string", default: "1" },
  },
});
const event = paidOrder(values.sku, values.note);
const answers = await Promise.all(
  Array.from({ length: Number(values.times) }, () => deliver(values.url, event, stripeSecret)),
);
for (const answer of answers) console.log(`${event.id}: ${describe(answer)} (${answer.ms} ms)`);
