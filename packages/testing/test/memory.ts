/** Harnesses for what lives in this process's memory. */
import type { IdempotencyStore } from "@hooklatch/core";
import type { StoreHarness } from "../src/index.js";

/** Opens one for each space. */
export function perSpace<Opened, Rest extends unknown[]>(
  create: (...rest: Rest) => Opened,
): (space: string, ...rest: Rest) => Opened {
  const opened = new Map<string, Opened>();
  return (space, ...rest) => {
    const found = opened.get(space) ?? create(...rest);
    opened.set(space, found);
    return found;
  };
}

/** A store for each space, on a clock that the cases move. */
export function inMemory(create: (now: () => number) => IdempotencyStore): StoreHarness {
  const at = perSpace(() => {
    const clock = { now: 1_700_000_000_000 };
    return { clock, store: create(() => clock.now) };
  });
  return {
    sharedConnection: true,
    open: (space) => at(space).store,
    advance(ms, space) {
      at(space).clock.now += ms;
    },
  };
}
