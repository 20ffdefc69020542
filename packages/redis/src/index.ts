/**
 * Hooklatch on Redis or Valkey: for any number of machines; a single server, Sentinel or Cluster.
 *
 * @module
 */
export type { RedisClient, RedisCluster, RedisPipeline } from "./client.js";
export { redisDeadLetters } from "./dead-letters.js";
export type { RedisDeadLetterOptions, RedisOptions, RedisStoreOptions } from "./options.js";
export type { WaitForReplicas } from "./replicas.js";
export { inspectRedis, type RedisNodeReport, type RedisReport } from "./server-report.js";
export { redisStore } from "./store.js";
