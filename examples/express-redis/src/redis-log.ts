/** What is printed about Redis itself. Without a listener, ioredis prints each failed try to connect with its stack. */
import type { RedisReport } from "@hooklatch/redis";

export function onServer({ summary }: RedisReport): void {
  console.log(`redis     ${summary}`);
}

export function onError(error: Error): void {
  console.error(`redis     ${reasonOf(error)}`);
}

/** Where a name has several addresses, and none answers, Node's error has no message. */
export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
}
