// Builds every package with tsup, in dependency order, and skips the packages whose inputs did not change.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamps = join(root, "node_modules", ".cache", "hooklatch-build");
const tsup = join(root, "node_modules", "tsup", "dist", "cli-default.js");
const force = process.argv.includes("--force");

/** @typedef {{ name: string, dir: string, needs: string[], outputs: string[] }} Package */

const packages = readdirSync(join(root, "packages"))
  .map((folder) => join(root, "packages", folder))
  .filter((dir) => existsSync(join(dir, "tsup.config.ts")))
  .map(readPackage);

mkdirSync(stamps, { recursive: true });
/** @type {Map<string, string>} the stamp of each package that is up to date */
const done = new Map();
while (done.size < packages.length) {
  const ready = packages.filter((one) => !done.has(one.name) && one.needs.every((name) => done.has(name)));
  if (ready.length === 0) throw new Error("packages depend on each other in a circle");
  const results = await Promise.all(ready.map(build));
  if (results.includes(false)) process.exit(1);
}

/** @param {Package} one */
async function build(one) {
  const started = performance.now();
  const stamp = stampOf(one);
  const file = join(stamps, `${one.name.replace("/", "+")}.txt`);
  const fresh =
    !force &&
    one.outputs.every((output) => existsSync(output)) &&
    existsSync(file) &&
    readFileSync(file, "utf8") === stamp;
  if (!fresh) {
    rmSync(file, { force: true });
    const { ok, output } = await run(one.dir);
    const missing = one.outputs.filter((path) => !existsSync(path));
    if (!ok || missing.length > 0) {
      console.error(output);
      for (const path of missing) console.error(`missing after the build: ${relative(root, path)}`);
      console.error(`build: ${one.name} failed`);
      return false;
    }
    writeFileSync(file, stamp);
  }
  done.set(one.name, stamp);
  console.log(`build: ${one.name} ${fresh ? "unchanged" : `${Math.round(performance.now() - started)} ms`}`);
  return true;
}

/** @param {string} cwd @returns {Promise<{ ok: boolean, output: string }>} */
function run(cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tsup], { cwd, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ ok: code === 0, output }));
  });
}

/** A digest of all that decides what a build makes, the packages it needs included. @param {Package} one */
function stampOf(one) {
  const hash = createHash("sha256").update(process.version);
  const shared = ["pnpm-lock.yaml", "tsconfig.base.json", "tsup.base.ts"].map((name) => join(root, name));
  const own = ["package.json", "tsconfig.json", "tsup.config.ts", "build-page.mjs"].map((name) =>
    join(one.dir, name),
  );
  for (const path of [...shared, ...own, ...filesIn(join(one.dir, "src")), ...filesIn(join(one.dir, "ui"))]) {
    hash.update(`\0${relative(root, path)}\0`).update(existsSync(path) ? readFileSync(path) : "absent");
  }
  for (const name of one.needs) hash.update(done.get(name) ?? "");
  return hash.digest("hex");
}

/** @param {string} dir @returns {string[]} */
function filesIn(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((item) => (item.isDirectory() ? filesIn(join(dir, item.name)) : [join(dir, item.name)]));
}

/** @param {string} dir @returns {Package} */
function readPackage(dir) {
  const manifest = JSON.parse(readFileSync(join(dir, "package.json"), "utf8"));
  // A private package may need its siblings at run time through devDependencies.
  const linked = {
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...(manifest.private && manifest.devDependencies),
  };
  return {
    name: manifest.name,
    dir,
    needs: Object.keys(linked).filter((name) => name.startsWith("@hooklatch/")),
    outputs: [...pathsIn(manifest.exports), ...binsIn(manifest.bin), ...pagesIn(dir)].map((path) =>
      join(dir, path),
    ),
  };
}

/** @param {Record<string, string> | undefined} bin @returns {string[]} */
function binsIn(bin) {
  return Object.values(bin ?? {});
}

/** What a package generates for its own sources, which the type check and the tests read too. @param {string} dir */
function pagesIn(dir) {
  return existsSync(join(dir, "build-page.mjs")) ? ["page/files.ts"] : [];
}

/** Every file that an exports map names. @param {unknown} exports @returns {string[]} */
function pathsIn(exports) {
  if (typeof exports === "string") return [exports];
  return Object.values(exports ?? {}).flatMap(pathsIn);
}
