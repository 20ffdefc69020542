/** A stranger's answer that is noticed when it is too late to tell whose it is. */
import type { Context, Next } from "hono";
import { setFree, shadow } from "./shadow.js";

/** Where nobody can tell who sets a response, it can be noticed that Hono hands it to the host: it asks for both at once. */
export async function runNoticing(c: Context, next: Next): Promise<Response | undefined> {
  let asked = false;
  let taken = false;
  const { real, restore } = shadow(c, {
    before(name) {
      if (name === "res") taken ||= asked && real.finalized;
      asked = name === "finalized";
      queueMicrotask(() => {
        asked = false;
      });
    },
    beforeSet() {
      asked = false;
    },
  });
  taken = real.finalized;
  try {
    await next();
    const { res } = real;
    if (taken) return undefined;
    setFree(real);
    return res;
  } finally {
    restore();
  }
}
