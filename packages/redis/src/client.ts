/** ioredis, as far as it is needed here. */

/** What Hooklatch needs of an ioredis `Redis`, version 5 or 6: pass one of those. Its types are not part of ours. */
export interface RedisClient {
  readonly isCluster: boolean;
  readonly status: string;
  readonly options: object;
  eval(lua: string, keys: number, ...args: (string | Buffer | number)[]): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: (string | Buffer | number)[]): Promise<unknown>;
  info(section: string): Promise<unknown>;
  config(verb: "GET", setting: string): Promise<unknown>;
  ping(): Promise<unknown>;
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

/** The same two with replies as bytes. Every ioredis client has them; its types do not say so. */
export function inBytes(client: RedisClient): {
  evalBuffer: RedisClient["eval"];
  evalshaBuffer: RedisClient["evalsha"];
} {
  return client as unknown as ReturnType<typeof inBytes>;
}

export function isCluster(client: RedisClient): client is RedisCluster {
  return client.isCluster && "nodes" in client;
}

/** Of each node that takes writes. */
export function masters(client: RedisClient): RedisClient[] {
  return isCluster(client) ? client.nodes("master") : [client];
}
