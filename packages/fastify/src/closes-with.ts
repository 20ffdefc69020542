/** How a route learns of the Fastify instance that it is declared on. */
import type { FastifyInstance } from "fastify";

/**
 * Makes `app.close()` close `what`, and wait for it; of several apps that share it, the last. A route object does not know its app; but Fastify
 * binds its functions to the instance they belong to before it listens, which is the one moment at which an `onClose` hook can be added on
 * behalf of a route.
 */
export function closesWith<Hook extends (...args: never[]) => unknown>(
  hook: Hook,
  what: { close(): Promise<void> },
): Hook {
  // Bound once for each route that has it.
  const apps = new Set<FastifyInstance>();
  const bind = (app: FastifyInstance): unknown => {
    if (!apps.has(app)) {
      app.addHook("onClose", async () => {
        if (apps.delete(app) && apps.size === 0) await what.close();
      });
    }
    apps.add(app);
    return Function.prototype.bind.call(hook, app);
  };
  return Object.defineProperty(hook, "bind", { value: bind });
}
