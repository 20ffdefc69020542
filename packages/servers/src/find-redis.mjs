// Finds the server on this machine. Plain JavaScript: `pnpm redis` runs it without a build, and the sources of this package import it.
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";

/** @typedef {{ path: string, kind: "redis" | "valkey", version: string }} RedisServer `path` is absolute. */

/** The oldest version that the packages support, of either kind. */
const OLDEST = [6, 2];

/** What to do where no server is to be had. */
export const WHAT_TO_DO =
  `Install Redis or Valkey (${OLDEST.join(".")} or later), so that redis-server or valkey-server is on the PATH: ` +
  "`apt-get install redis-server`, `dnf install valkey`, `apk add redis` or `brew install redis`. " +
  "Or set REDIS_URL to a server that tests may write to.";

/**
 * `redis-server` from the PATH, or else `valkey-server`; one that does not run here, or is too old, does not count.
 *
 * @param {string | undefined} [path] Default: the PATH of this process.
 * @returns {RedisServer | undefined}
 */
export function findRedis(path = process.env.PATH) {
  return candidates(path).find(({ version }) => isRecent(version));
}

/**
 * Why `findRedis` finds none.
 *
 * @param {string | undefined} [path]
 */
export function whyNoRedis(path = process.env.PATH) {
  const [first] = candidates(path);
  if (first === undefined) return "there is no redis-server or valkey-server on the PATH";
  const { path: file, version } = first;
  return version === "" ? `${file} does not run` : `${file} is too old: ${version}`;
}

/** Whether a server is there, be it a good one or not. @param {string | undefined} path */
export function hasServer(path) {
  return candidates(path).length > 0;
}

/** @param {string | undefined} path @returns {RedisServer[]} */
function candidates(path) {
  return /** @type {const} */ (["redis", "valkey"]).flatMap((kind) => {
    const file = findOnPath(`${kind}-server`, path);
    return file === undefined ? [] : [{ path: file, kind, version: versionOf(file) }];
  });
}

/** @param {string} name @param {string | undefined} path @returns {string | undefined} */
export function findOnPath(name, path) {
  return (path ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => join(resolve(folder), name))
    .find(isExecutable);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** @param {string} file @returns {string} empty if it does not say */
function versionOf(file) {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 10_000 });
  return /\bv=(\d+\.\d+\S*)/.exec(stdout ?? "")?.[1] ?? "";
}

/** @param {string} version */
function isRecent(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
