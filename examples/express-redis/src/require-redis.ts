/** Asks for Redis before the app starts. Without it every delivery would be answered 503, which is no way to begin. */
import { inspectRedis } from "@hooklatch/redis";
import { Redis } from "ioredis";
import { reasonOf } from "./redis-log.js";

const PATIENCE_MS = 3_000;

/** Where Redis cannot be used, says why and what to do, and ends the process with 1. */
export async function requireRedis(url: string): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  // The reason for what `connect` then calls "Connection is closed".
  let reason: unknown;
  client.on("error", (error) => {
    reason ??= error;
  });
  const timer = setTimeout(() => {
    reason ??= new Error(`no answer within ${PATIENCE_MS / 1000} s`);
    client.disconnect();
  }, PATIENCE_MS);
  try {
    await client.connect();
    await client.ping();
    await inspectRedis(client);
  } catch (error) {
    // Not the URL: there may be a password in it.
    const { host, port, path } = client.options;
    console.error(`Redis at ${path ?? `${host}:${port}`} cannot be used: ${reasonOf(reason ?? error)}`);
    console.error("Start one: `redis-server`, or `docker run --rm -p 6379:6379 redis`.");
    console.error("Or say where yours is: REDIS_URL=redis://user:password@host:6379");
    process.exit(1);
  } finally {
    clearTimeout(timer);
    client.disconnect();
  }
}
