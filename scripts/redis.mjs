// `pnpm redis`: sees to it that the tests have a Redis server: the one on the PATH, or one that it installs. Where neither is to be
// had it fails, and says what to do; with REDIS_URL it does not, as only the tests that start servers of their own are left out then.
import { findRedis } from "../packages/servers/src/find-redis.mjs";
import { installRedis } from "../packages/servers/src/install-redis.mjs";

try {
  const server = findRedis() ?? (await installRedis({ log: (text) => console.log(`redis: ${text}`) }));
  console.log(`redis: ${server.path}, ${server.kind} ${server.version}`);
} catch (error) {
  const reason = error instanceof Error ? error.message : String(error);
  if (process.env.REDIS_URL) {
    console.log(`redis: ${reason}`);
    console.log("redis: REDIS_URL is set. Left out are only the tests of clusters, sentinels and faults.");
  } else {
    console.error(`redis: ${reason}`);
    process.exitCode = 1;
  }
}
