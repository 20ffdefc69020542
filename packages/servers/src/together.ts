import type { RedisProcess } from "./redis-process.js";

/** Starts `count` servers at once, all or none. */
export async function startTogether(
  count: number,
  start: (index: number) => Promise<RedisProcess>,
): Promise<RedisProcess[]> {
  const results = await Promise.allSettled(Array.from({ length: count }, (_, index) => start(index)));
  const started = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = results.find((result) => result.status === "rejected");
  if (failed === undefined) return started;
  await stopAll(started);
  throw failed.reason;
}

export async function stopAll(servers: readonly RedisProcess[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()));
}
