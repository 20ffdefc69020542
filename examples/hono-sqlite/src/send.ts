/** Sends a signed Stripe event: `node --import tsx src/send.ts --note fail-twice --times 3`. */
import "example-express-sqlite/send";
