/** What the set-up of the tests (vitest-redis.ts) has found, as the tests see it. */

export const URL_VARIABLE = "HOOKLATCH_TEST_REDIS_URL";
export const SERVER_VARIABLE = "HOOKLATCH_TEST_REDIS_SERVER";

/** The server that all tests share. `undefined`: there is none, so leave the test out with `describe.skipIf`. */
export function redisUrl(): string | undefined {
  return process.env[URL_VARIABLE];
}

/** The binary for tests that start servers of their own. `undefined`: there is none, so leave the test out. */
export function redisServer(): string | undefined {
  return process.env[SERVER_VARIABLE];
}
