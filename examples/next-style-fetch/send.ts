/** Sends a signed Stripe event: `node --import tsx send.ts --url http://127.0.0.1:3000/api --times 3`. */
import "example-express-sqlite/send";
