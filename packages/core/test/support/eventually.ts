type Truthy<T> = Exclude<T, false | 0 | "" | null | undefined>;

/** Waits for a condition, with a deadline that only a broken promise reaches. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  what = "the condition",
  ms = 10_000,
): Promise<Truthy<T>> {
  const until = performance.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value as Truthy<T>;
    if (performance.now() > until) throw new Error(`Waited ${ms} ms for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise and the way to settle it. */
export function gate<T = void>(): { promise: Promise<T>; open(value: T): void } {
  let open!: (value: T) => void;
  const promise = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
