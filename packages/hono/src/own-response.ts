/**
 * The response of the route, told apart from what something outside of the guard answers meanwhile: a time limit, a race.
 *
 * A context has one response. Hono drops what a route returns once there is one, so that after `await next()` the context may hold a
 * stranger's. While the route runs, whoever is inside is therefore shown a response of its own.
 */
import type { Context, Next } from "hono";
import { asyncStorage, type Storage } from "./async-storage.js";
import { runNoticing } from "./late-answer.js";
import { type Answered, setFree, shadow } from "./shadow.js";

/**
 * Runs the rest of the chain. `undefined`: something else has answered, and what the route answered is not known. Otherwise the context is
 * left without a response, unless something else has answered.
 */
export type OwnResponse = (c: Context, next: Next) => Promise<Response | undefined>;

export function createOwnResponse(): OwnResponse {
  const storage = asyncStorage();
  const among = storage === undefined ? runNoticing : (c: Context, next: Next) => runApart(c, next, storage);
  return (c, next) => (isOutermost(c) ? runAlone(c, next) : among(c, next));
}

/** Nothing is around the guard that could answer in the route's place. */
function isOutermost(c: Context): boolean {
  return c.req.routeIndex === 0 && !around.has(c) && !c.finalized;
}

async function runAlone(c: Context, next: Next): Promise<Response | undefined> {
  await next();
  // A guard inside still waits for its route: what answered came between the two.
  const isRoutes = c.finalized && !around.has(c);
  const { res } = c;
  setFree(c as Answered);
  return isRoutes ? res : undefined;
}

/** Of the guard that is around another one for the same request: whether it is the one around whoever asks. */
const around = new WeakMap<Context, () => boolean>();

async function runApart(c: Context, next: Next, storage: Storage): Promise<Response | undefined> {
  const isInside = (): boolean => storage.getStore() === c;
  const outer = around.get(c);
  // What is outside of both guards is for the outer one to tell apart.
  const isOurs = (): boolean => outer?.() ?? true;
  let split = false;
  let outsideShown = false;
  let turning = false;
  /** What the other side has. */
  let hidden: Answered = { res: undefined, finalized: false };

  const turn = (): void => {
    turning = true;
    const shown: Answered = { res: real.res, finalized: real.finalized };
    // Or Hono would put the headers of the one into the other.
    real.res = undefined;
    if (hidden.res !== undefined) real.res = hidden.res;
    real.finalized = hidden.finalized;
    hidden = shown;
    outsideShown = !outsideShown;
    turning = false;
  };
  const turnInside = (): void => {
    if (outsideShown) turn();
  };
  const look = (): void => {
    if (!split || turning || !isOurs() || isInside() !== outsideShown) return;
    turn();
    // The helpers of a context, such as `c.json`, look at its response without our knowledge. Only the route uses them from here on.
    if (outsideShown) queueMicrotask(turnInside);
  };
  const { real, restore } = shadow(c, {
    before: look,
    beforeSet() {
      look();
      if (split || turning || !isOurs() || isInside()) return;
      split = true;
      hidden = { res: real.res, finalized: real.finalized };
      outsideShown = true;
      queueMicrotask(turnInside);
    },
  });
  around.set(c, isInside);
  if (real.finalized) {
    split = true;
    outsideShown = true;
    turn();
  }
  try {
    await storage.run(c, next);
    turnInside();
    const { res, finalized } = real;
    if (!split) setFree(real);
    return finalized ? res : undefined;
  } finally {
    if (split && !outsideShown) turn();
    restore();
    if (outer === undefined) around.delete(c);
    else around.set(c, outer);
    // A microtask may still be under way.
    outsideShown = false;
  }
}
