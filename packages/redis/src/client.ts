/** ioredis, as far as it is needed here. */

/** What Hooklatch needs of an ioredis `Redis`, version 5 or 6: pass one of those. Its types are not part of ours. */
export interface RedisClient {
  readonly isCluster: boolean;
  readonly status: string;
  readonly options: { readonly host?: string | undefined; readonly port?: number | undefined };
  callBuffer(command: string, args: (string | Buffer | number)[]): Promise<unknown>;
  pipeline(): RedisPipeline;
  connect(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  on(event: string, listener: () => void): unknown;
}

/** What Hooklatch needs of an ioredis `Cluster`, version 5 or 6. */
export interface RedisCluster extends RedisClient {
  /** Which nodes have a slot, its master first, as `host:port`. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role?: "master"): RedisClient[];
}

export interface RedisPipeline {
  callBuffer(command: string, args: (string | Buffer | number)[]): unknown;
  exec(): Promise<[error: Error | null, result: unknown][] | null>;
}

export function isCluster(client: RedisClient): client is RedisCluster {
  return client.isCluster && "nodes" in client;
}

/** Of each node that takes writes. */
export function masters(client: RedisClient): RedisClient[] {
  return isCluster(client) ? client.nodes("master") : [client];
}
