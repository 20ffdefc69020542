// `pnpm demo`, `pnpm start`: builds the packages, then runs the script of that name of examples/express-sqlite.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pnpmCommand } from "./pnpm.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [script = "start", ...args] = process.argv.slice(2);

/** @type {import("node:child_process").ChildProcess | undefined} */
let child;
for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"])) {
  process.on(signal, () => (child ? child.kill(signal) : process.exit(1)));
}
process.on("SIGINT", () => {}); // the terminal sends it to the whole group: wait for the example to end by itself

const built = await run(process.execPath, [join(root, "scripts", "build.mjs")], root);
if (built !== 0) process.exit(built);
const [pnpm, ...first] = pnpmCommand();
process.exitCode = await run(
  pnpm,
  [...first, "--silent", "run", script, ...args],
  join(root, "examples", "express-sqlite"),
);

/** @param {string} command @param {string[]} args @param {string} cwd @returns {Promise<number>} */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    child = spawn(command, args, { cwd, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
