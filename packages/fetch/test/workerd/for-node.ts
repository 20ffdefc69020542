/** Needs Node: shows that the tests see it when something does. */
export { createHash } from "node:crypto";
