export { casesInBun, reportCases } from "./bun.js";
export { findRedis, type RedisServer } from "./find-redis.mjs";
export { installRedis } from "./install-redis.mjs";
export { type Behaviour, type ProxyCounts, startProxy, type TcpProxy, type Trouble } from "./proxy.js";
export { type ClusterOptions, type RedisCluster, startCluster } from "./redis-cluster.js";
export { type Persistence, type RedisOptions, type RedisProcess, startRedis } from "./redis-process.js";
export { type RedisSentinels, type SentinelOptions, startSentinels } from "./redis-sentinel.js";
export type { Address } from "./resp.js";
export { redisServer, redisUrl } from "./test-redis.js";
