/** A store that keeps nothing and answers at once: what is left of an operation's cost is the engine's own. */
import type { IdempotencyStore } from "@hooklatch/core";

export interface EmptyStore extends IdempotencyStore {
  /** Answers each claim with the last completion from now on, as if its key had been there. */
  duplicates: boolean;
}

export function emptyStore(): EmptyStore {
  let last: Uint8Array | null = null;
  const unused = (): Promise<never> => Promise.reject(new Error("Nothing here should ask for this."));
  return {
    survives: "disk",
    duplicates: false,
    async claim() {
      if (this.duplicates) return { status: "completed", result: last };
      return { status: "claimed", token: 1, attempt: 1, recovered: false, replay: false, letter: false };
    },
    async complete({ result }) {
      last = result;
      return true;
    },
    extend: unused,
    retry: unused,
    fail: unused,
    settle: unused,
    discard: unused,
    outrank: unused,
    release: unused,
    schedule: unused,
    claimDue: unused,
    get: unused,
    delete: unused,
    stats: unused,
  };
}
