/** ioredis clients for tests: silent when their server goes, and closed at the end of the file. */
import { Cluster, type ClusterOptions, Redis, type RedisOptions } from "ioredis";
import { afterAll } from "vitest";

/** Its type would be another one for each `replyMapping`. */
export type Options = Omit<RedisOptions, "replyMapping">;

interface Client {
  on(event: "error", listener: () => void): unknown;
  disconnect(): void;
}

const open = new Set<Client>();
afterAll(() => {
  for (const client of open) client.disconnect();
});

/** Takes care of a client that a test has made itself. */
export function tended<Given extends Client>(client: Given): Given {
  // Without a listener ioredis prints each failure that a test provokes.
  client.on("error", () => {});
  open.add(client);
  return client;
}

export function connect(url: string | undefined, options: Options = {}): Redis {
  if (url === undefined) throw new Error("There is no server: the test should have been left out.");
  return tended(new Redis(url, options));
}

export function connectCluster(
  nodes: readonly { host: string; port: number }[],
  options: Omit<ClusterOptions, "redisOptions"> & { redisOptions?: { disconnectTimeout: number } } = {},
): Cluster {
  return tended(new Cluster([...nodes], options));
}
