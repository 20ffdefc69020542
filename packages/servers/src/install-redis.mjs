// Installs the server with the system's package manager. Plain JavaScript, for the same reason as find-redis.mjs.
import { spawn } from "node:child_process";
import { findOnPath, findRedis, hasServer, WHAT_TO_DO, whyNoRedis } from "./find-redis.mjs";

/** @typedef {import("./find-redis.mjs").RedisServer} RedisServer */
/** @typedef {(command: string, args: string[]) => Promise<{ code: number, output: string }>} Run Resolves at the command's end. */
/** @typedef {{ run?: Run, path?: string | undefined, root?: boolean, log?: (text: string) => void }} InstallOptions */

/**
 * @typedef {object} Manager
 * @property {string} name
 * @property {boolean} needsRoot
 * @property {string[]} packages The first that there is: distributions have one, the other, or both.
 * @property {string[]} [refresh]
 * @property {string[]} install
 * @property {boolean} [startsServices] Starts and enables the service of a package at once.
 */

/** @type {Manager[]} */
const MANAGERS = [
  {
    name: "apt-get",
    needsRoot: true,
    packages: ["redis-server", "valkey-server"],
    // A fresh machine has no lists, or old ones.
    refresh: ["apt-get", "update"],
    install: ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"],
    startsServices: true,
  },
  { name: "dnf", needsRoot: true, packages: ["redis", "valkey"], install: ["dnf", "install", "-y"] },
  { name: "apk", needsRoot: true, packages: ["redis", "valkey"], install: ["apk", "add", "--no-cache"] },
  { name: "brew", needsRoot: false, packages: ["redis", "valkey"], install: ["brew", "install"] },
];

/**
 * Installs Redis or Valkey, leaves no service running that did not run before, and resolves with the server once it is found. Does
 * not touch one that is there but does not do. Rejects with what was tried and what to do.
 *
 * @param {InstallOptions} [options]
 * @returns {Promise<RedisServer>}
 */
export async function installRedis(options = {}) {
  const {
    run = runCommand,
    path = process.env.PATH,
    root = process.getuid?.() === 0,
    log = () => {},
  } = options;
  // Its data and its service may be somebody's.
  if (hasServer(path)) throw new Error(`${whyNoRedis(path)}. It is not replaced. ${WHAT_TO_DO}`);
  const managers = MANAGERS.filter(({ name }) => findOnPath(name, path) !== undefined);
  /** @type {string[]} */
  const failures =
    managers.length > 0 ? [] : [`none of ${MANAGERS.map(({ name }) => name).join(", ")} is here`];
  for (const manager of managers) {
    const sudo = manager.needsRoot && !root;
    if (sudo && (await run("sudo", ["-n", "true"])).code !== 0) {
      failures.push(`${manager.name}: needs root, or sudo without a password`);
      continue;
    }
    const failure = await installWith(
      manager,
      sudo ? (command, args) => run("sudo", ["-n", command, ...args]) : run,
      log,
    );
    const server = findRedis(path);
    if (server !== undefined) return server;
    failures.push(failure ?? `${manager.name} has installed it, but ${whyNoRedis(path)}`);
  }
  throw new Error(["Redis could not be installed.", ...failures, WHAT_TO_DO].join("\n"));
}

/** @param {Manager} manager @param {Run} run @param {(text: string) => void} log @returns {Promise<string | undefined>} what failed */
async function installWith({ packages, refresh, install, startsServices = false }, run, log) {
  /** @param {string[]} words */
  const call = async ([command = "", ...args]) => {
    const line = [command, ...args].join(" ");
    log(line);
    const { code, output } = await run(command, args);
    return code === 0
      ? undefined
      : `${line}: exit code ${code}\n${output.trim().split("\n").slice(-6).join("\n")}`;
  };
  // Where this fails, the lists that are there may do.
  const failures = [refresh && (await call(refresh))];
  for (const name of packages) {
    // What ran before is somebody's.
    const ranBefore = startsServices && (await run("service", [name, "status"])).code === 0;
    const failure = await call([...install, name]);
    if (startsServices && !ranBefore && failure === undefined) await silence(name, run, log);
    if (failure === undefined) return undefined;
    failures.push(failure);
  }
  return failures.filter((failure) => failure !== undefined).join("\n");
}

/**
 * Stops and disables the service of a package that was just installed: Debian starts it on port 6379 wherever an init system runs.
 *
 * @param {string} name @param {Run} run @param {(text: string) => void} log
 */
async function silence(name, run, log) {
  await run("service", [name, "stop"]);
  // Where the one is not there, the other one is.
  await run("systemctl", ["disable", name]);
  await run("update-rc.d", [name, "disable"]);
  const { code } = await run("service", [name, "status"]);
  if (code === 0) log(`the service ${name} was started by its package and could not be stopped`);
}

/** @type {Run} */
function runCommand(command, args) {
  return new Promise((resolve) => {
    let output = "";
    // A package manager without a network can try for very long.
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], timeout: 300_000 });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", (error) => resolve({ code: 127, output: String(error) }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
    // A service that the command has started may hold the pipes: then they do not close by themselves.
    child.on("exit", () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, 500).unref();
    });
  });
}
