/** Whether it is to be waited for: a promise of any realm, or a query builder that looks like one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}
