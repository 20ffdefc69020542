// `pnpm demo`, `pnpm start`, `pnpm start:redis`: builds the packages, then runs a script of an example: example.mjs <example> <script>.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pnpmCommand } from "./pnpm.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [folder = "express-sqlite", script = "start", ...args] = process.argv.slice(2);
const example = join(root, "examples", folder);
const [pnpm, ...first] = pnpmCommand();
const parent = process.ppid;

/** @type {import("node:child_process").ChildProcess | undefined} */
let child;
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => stop(signal));
}
// A shell between npx and this script dies of a signal without passing it on: then nobody is left to stop the example but us.
setInterval(() => process.ppid !== parent && stop("SIGTERM"), 500).unref();

process.exitCode = await run(process.execPath, [join(root, "scripts", "build.mjs")], root);
if (process.exitCode === 0) {
  process.exitCode = await run(pnpm, [...first, "--silent", "run", script, ...args], example);
}

/**
 * In a process group of its own, so that a signal reaches the example itself, exactly once, and not only the shells around it.
 *
 * @param {string} command @param {string[]} args @param {string} cwd @returns {Promise<number>}
 */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const detached = process.platform !== "win32";
    child = spawn(command, args, { cwd, detached, stdio: ["ignore", "inherit", "inherit"] });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** @param {NodeJS.Signals} signal */
function stop(signal) {
  if (child?.pid === undefined) process.exit(1);
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}
