import { type RedisProcess, redisServer, startRedis } from "@hooklatch/servers";
import { describe } from "vitest";
import { freshPrefix, type RedisBackend } from "../src/backends/redis.js";

/** For tests that do harm to servers: they start their own. They run at the same time: what they do most is wait. */
export function onOwnServers(name: string, define: () => void): void {
  describe.skipIf(redisServer() === undefined)(name, { concurrent: true }, define);
}

export const backendOn = (...urls: string[]): RedisBackend => ({
  kind: "redis",
  urls,
  prefix: freshPrefix(),
});

/** A server that has on its disk what it has confirmed. */
export async function withServer<T>(act: (server: RedisProcess) => Promise<T>): Promise<T> {
  const server = await startRedis({ persistence: "aof-always" });
  try {
    return await act(server);
  } finally {
    await server.stop();
  }
}
