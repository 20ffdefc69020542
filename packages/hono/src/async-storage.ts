/** What is used of `AsyncLocalStorage`. */
export interface Storage {
  run<T>(store: unknown, work: () => T): T;
  getStore(): unknown;
}

type StorageClass = new () => Storage;

interface Host {
  AsyncLocalStorage?: StorageClass;
  process?: { getBuiltinModule?(name: string): { AsyncLocalStorage?: StorageClass } | undefined };
}

/** Node, Bun, Deno and Workers with `nodejs_compat` have it; some edge hosts as a global. Asked at run time: an import would fail where it is not. */
export function asyncStorage(): Storage | undefined {
  const { AsyncLocalStorage, process } = globalThis as Host;
  const Class = AsyncLocalStorage ?? process?.getBuiltinModule?.("node:async_hooks")?.AsyncLocalStorage;
  return Class && new Class();
}
