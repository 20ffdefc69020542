/** Guards the routes of our own API: what a customer sends twice under one `Idempotency-Key` is done once. */
import { idempotency } from "@hooklatch/fetch";
import { customerOf } from "./customers.js";
import { store } from "./store.js";

// One guard for all routes: its fingerprint holds method and path, so a key belongs to the route it was first used on.
export const once = idempotency({ store, scope: "api", tenant: customerOf, required: true });
