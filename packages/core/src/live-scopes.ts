/** Due work finds its handler by scope, so one store object must not have two live handlers of one scope. */
import { HooklatchError } from "./errors.js";

const live = new WeakMap<object, Set<string>>();

/**
 * Registers a handler; the result unregisters it.
 * @throws {HooklatchError} `scope_in_use`
 */
export function occupyScope(store: object, scope: string): () => void {
  const scopes = live.get(store) ?? new Set<string>();
  if (scopes.has(scope)) {
    const fix = "Give each handler a scope of its own, or close() the other one first.";
    throw new HooklatchError(
      "scope_in_use",
      `There is a live handler with scope "${scope}" on this store. ${fix}`,
    );
  }
  live.set(store, scopes.add(scope));
  return () => {
    scopes.delete(scope);
  };
}
