/** Global set-up of vitest: gives all tests of a run one Redis server, and says what is left out where there is none. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findRedis, WHAT_TO_DO, whyNoRedis } from "./find-redis.mjs";
import { startRedis } from "./redis-process.js";
import { SERVER_VARIABLE, URL_VARIABLE } from "./test-redis.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Vitest calls it once, before the processes of the tests, which get its environment. What it returns is called at the end. */
export default function setUp(): Promise<() => Promise<void>> {
  return provideRedis(process.env, (text) => process.stderr.write(`\n${text}\n`));
}

/**
 * Sets the variables that test-redis.ts reads. `REDIS_URL` is used where it is set, and must answer; else a server from the PATH is
 * started. Where there is neither, it only says so, unless `HOOKLATCH_TEST_REDIS` is `required`: then it rejects.
 */
export async function provideRedis(
  env: NodeJS.ProcessEnv,
  say: (text: string) => void,
): Promise<() => Promise<void>> {
  const server = findRedis(env.PATH)?.path;
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete env[name];
    else env[name] = value;
  };
  set(SERVER_VARIABLE, server);
  set(URL_VARIABLE, env.REDIS_URL || undefined);
  const why = server === undefined ? whyNoRedis(env.PATH) : "";
  if (env.REDIS_URL) {
    await check(env.REDIS_URL);
    if (server === undefined) say(leftOut(why, "that start servers of their own: cluster, sentinel, faults"));
    return async () => {};
  }
  if (server === undefined) {
    const reason = `${why}, and REDIS_URL is not set`;
    if (env.HOOKLATCH_TEST_REDIS === "required") {
      throw new Error(`Tests need Redis: ${reason}. ${WHAT_TO_DO}`);
    }
    say(`${leftOut(reason, "that need Redis")} ${WHAT_TO_DO}`);
    return async () => {};
  }
  const redis = await startRedis({ args: ["--maxmemory-policy", "noeviction"] });
  set(URL_VARIABLE, redis.url);
  return () => redis.stop();
}

function leftOut(why: string, which: string): string {
  return `Redis: ${why}. Left out are the tests ${which}; they are in ${users().join(", ")}.`;
}

/** The packages and examples whose tests may need a server. */
function users(): string[] {
  return ["packages", "examples"]
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((folder) => {
      const manifest = join(root, folder, "package.json");
      return existsSync(manifest) && readFileSync(manifest, "utf8").includes('"@hooklatch/servers"');
    });
}

/** The client of the tests: it takes every kind of URL that they will be given. */
async function check(url: string): Promise<void> {
  const { Redis } = await import("ioredis");
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null });
  let reason: unknown;
  client.on("error", (error) => {
    reason = error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    throw new Error(
      `REDIS_URL is set, but no server answers there. Unset it, or start the server. (${reason ?? error})`,
    );
  } finally {
    client.disconnect();
  }
}
