/** Telling a lock, which passes, from a failure. */
import { HooklatchError } from "@hooklatch/core";

/** Whether somebody else holds what is needed, and nothing has happened. */
export function isBusy(error: unknown): boolean {
  // BUSY_SNAPSHOT, BUSY_RECOVERY, LOCKED_SHAREDCACHE and so on: the extended codes begin with these.
  if (/^SQLITE_(BUSY|LOCKED)/.test(sqliteCode(error))) return true;
  // better-sqlite3, while the app is in the middle of an `iterate()` of its own on a shared connection.
  return error instanceof TypeError && error.message.includes("busy executing a query");
}

export function sqliteCode(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code ?? "");
}

export function storeBusy(cause?: unknown): HooklatchError {
  return new HooklatchError("store_busy", "Another connection or transaction holds the database.", {
    cause,
    retryable: true,
  });
}
