/** One value that several components see, and that is not a part of any of them. */
import { useLayoutEffect, useReducer } from "preact/hooks";

export interface Shared<T> {
  get(): T;
  set(value: T): void;
  subscribe(listener: () => void): () => void;
}

export function shared<T>(value: T): Shared<T> {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export function useShared<T>(source: Shared<T>): T {
  const [, again] = useReducer((count: number, _: undefined) => count + 1, 0);
  const shown = source.get();
  useLayoutEffect(() => {
    // It may have changed between the render and now.
    if (!Object.is(shown, source.get())) again(undefined);
    return source.subscribe(() => again(undefined));
  }, [source]);
  return shown;
}
