/** How a store is broken in one way: one of its parts is another one, or something stands before it. */
import type { IdempotencyStore } from "@hooklatch/core";
import { lifeStore, type Parts } from "./life-store.js";

export interface StoreMutant {
  flaw: string;
  /** The beginning of the names of the cases that must fail; others may fail too. */
  caughtBy: readonly string[];
  open(now: () => number): IdempotencyStore;
}

export function replacing(
  flaw: string,
  caughtBy: string | readonly string[],
  replaced: Partial<Parts>,
): StoreMutant {
  return { flaw, caughtBy: [caughtBy].flat(), open: (now) => lifeStore(now, replaced) };
}

export function wrapping(
  flaw: string,
  caughtBy: string | readonly string[],
  wrap: (store: IdempotencyStore) => Partial<IdempotencyStore>,
): StoreMutant {
  function open(now: () => number): IdempotencyStore {
    const store = lifeStore(now);
    return { ...store, ...wrap(store) };
  }
  return { flaw, caughtBy: [caughtBy].flat(), open };
}
