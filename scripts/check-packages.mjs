// `pnpm test:packages`: proves the packages as users get them. Packs each one, lints the tarballs (publint, attw), installs them
// with plain npm outside this workspace, and runs one program in five kinds of apps: JavaScript and TypeScript, `import` and `require`.
import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pnpmCommand } from "./pnpm.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const fixtures = join(root, "scripts", "consumer");
const node = process.execPath;
const [pnpm, ...first] = pnpmCommand();

// The space is deliberate: paths like this one break careless tools.
const temp = mkdtempSync(join(realpathSync(tmpdir()), "hooklatch packages "));
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
process.once("exit", () => rmSync(temp, { recursive: true, force: true }));

const packages = readdirSync(join(root, "packages"), { withFileTypes: true })
  .filter((item) => item.isDirectory())
  .map((item) => join(root, "packages", item.name))
  .map((dir) => ({ dir, manifest: readJson(join(dir, "package.json")) }))
  .filter(({ manifest }) => manifest.private !== true);

const apps = [
  { name: "esm", type: "module", file: "main.js", compile: undefined },
  { name: "cjs", type: "commonjs", file: "main.js", compile: undefined },
  { name: "ts-nodenext-esm", type: "module", file: "main.ts", compile: { module: "nodenext" } },
  { name: "ts-nodenext-cjs", type: "commonjs", file: "main.ts", compile: { module: "nodenext" } },
  // `module: commonjs` means `moduleResolution: node10`, which reads neither `exports` nor conditions.
  {
    name: "ts-commonjs",
    type: "commonjs",
    file: "main.ts",
    compile: { module: "commonjs", esModuleInterop: true },
  },
];

try {
  await step("build", () => run(node, [join(root, "scripts", "build.mjs")], root));
  const tarballs = await step("pack", () => Promise.all(packages.map(({ dir }) => pack(dir))));
  await Promise.all([
    step("publint", () =>
      inTurn(tarballs, (tarball) => run(node, [bin("publint"), "run", tarball, "--strict"], root)),
    ),
    // Every resolution mode must be right, node10 included: no rule is ignored.
    step("attw", () =>
      inTurn(importable(tarballs), (tarball) =>
        run(node, [bin("@arethetypeswrong/cli", "attw"), tarball, "--format", "ascii"], root),
      ),
    ),
    step("npm install", () => install(tarballs)),
  ]);
  const redis = process.env.REDIS_URL || process.env.HOOKLATCH_TEST_REDIS_URL;
  console.log(`packages: the apps use ${redis ? "a real Redis" : "no Redis: REDIS_URL is not set"}`);
  await step("command", tryCommand);
  await inTurn(apps, (app) => step(`app ${app.name}`, () => tryApp(app)));
  console.log(`packages: ${packages.map(({ manifest }) => manifest.name).join(", ")} are fit to publish`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @param {string} dir @returns {Promise<string>} the path of the tarball */
async function pack(dir) {
  const output = await run(pnpm, [...first, "pack", "--json", "--pack-destination", temp], dir);
  return JSON.parse(output.slice(output.indexOf("{"))).filename;
}

/**
 * One install for all apps, without install scripts: better-sqlite3 takes a minute to compile, so what the workspace compiled of the
 * same version is copied. npm still checks every peer range.
 *
 * @param {string[]} tarballs
 */
async function install(tarballs) {
  const sqlite = realpathSync(join(root, "packages", "sqlite", "node_modules", "better-sqlite3"));
  const versions = {
    "@types/better-sqlite3": installed("packages/sqlite", "@types/better-sqlite3"),
    "@types/express": installed("packages/express", "@types/express"),
    "@types/node": installed(".", "@types/node"),
    "better-sqlite3": readJson(join(sqlite, "package.json")).version,
    "@hono/node-server": installed("packages/hono", "@hono/node-server"),
    express: installed("packages/express", "express"),
    fastify: installed("packages/fastify", "fastify"),
    hono: installed("packages/hono", "hono"),
    ioredis: installed("packages/redis", "ioredis"),
    typescript: installed(".", "typescript"),
  };
  const local = Object.fromEntries(
    await Promise.all(
      packages.map(async ({ manifest }, index) => [manifest.name, `file:${tarballs[index]}`]),
    ),
  );
  writeJson(join(temp, "package.json"), { private: true, dependencies: { ...local, ...versions } });
  const flags = [
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--prefer-offline",
    "--ignore-scripts",
    "--strict-peer-deps",
  ];
  await run("npm", ["install", ...flags], temp);
  for (const { manifest } of packages) {
    const shipped = readdirSync(join(temp, "node_modules", manifest.name))
      .sort()
      .join(" ");
    if (shipped !== "LICENSE README.md dist package.json")
      throw new Error(`${manifest.name} ships ${shipped}`);
  }
  cpSync(join(sqlite, "build"), join(temp, "node_modules", "better-sqlite3", "build"), {
    recursive: true,
    filter: (path) => !path.includes("obj"),
  });
}

/** A command alone has nothing to import. @param {string[]} tarballs */
function importable(tarballs) {
  return tarballs.filter((_, index) => packages[index]?.manifest.exports?.["."] !== undefined);
}

/** `hooklatch`, as npm has linked it, on a file of its own. */
async function tryCommand() {
  const dir = join(temp, "command");
  mkdirSync(dir);
  writeFileSync(join(dir, "none.jsonl"), "");
  const hooklatch = join(temp, "node_modules", ".bin", "hooklatch");
  await run(hooklatch, ["dlq", "import", "none.jsonl", "--store", "sqlite:events.db"], dir);
  const listed = await run(hooklatch, ["dlq", "list", "--store", "sqlite:events.db", "--json"], dir);
  if (JSON.parse(listed).letters.length !== 0) throw new Error(`hooklatch dlq list printed ${listed}`);
}

/** @param {(typeof apps)[number]} app */
async function tryApp(app) {
  const dir = join(temp, app.name);
  mkdirSync(dir);
  writeJson(join(dir, "package.json"), { private: true, type: app.type });
  const program = readFileSync(join(fixtures, "program.ts"), "utf8");
  // One program for all. TypeScript compiles it as it is; the JavaScript apps get it with their own kind of imports.
  writeFileSync(join(dir, app.file), app.compile || app.type === "module" ? program : toRequire(program));
  if (app.compile) {
    const strict = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
    };
    writeJson(join(dir, "tsconfig.json"), {
      compilerOptions: { target: "es2022", lib: ["es2023"], types: ["node"], ...strict, ...app.compile },
      files: [app.file],
    });
    await run(node, [join(temp, "node_modules", "typescript", "bin", "tsc")], dir);
  }
  // It must also end by itself once everything is closed.
  await run(node, ["main.js"], dir);
}

/** `import { a as b } from "c"` → `const { a: b } = require("c")`. @param {string} program */
function toRequire(program) {
  return program
    .replace(/^import \* as (\w+) from ("[^"]+");$/gm, "const $1 = require($2);")
    .replace(/^import (\w+) from ("[^"]+");$/gm, "const $1 = require($2);")
    .replace(
      /^import (\{[^}]+\}) from ("[^"]+");$/gm,
      (_, names, from) => `const ${names.replaceAll(" as ", ": ")} = require(${from});`,
    );
}

/** @param {string} from @param {string} name @returns {string} the version that this workspace uses */
function installed(from, name) {
  return readJson(join(root, from, "node_modules", name, "package.json")).version;
}

/** @param {string} name @param {string} command @returns {string} */
function bin(name, command = name) {
  const dir = join(root, "node_modules", name);
  const entry = readJson(join(dir, "package.json")).bin;
  return join(dir, typeof entry === "string" ? entry : entry[command]);
}

/** @template T @param {string} name @param {() => Promise<T>} work @returns {Promise<T>} */
async function step(name, work) {
  const started = performance.now();
  try {
    const result = await work();
    console.log(`packages: ${name} ok (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    return result;
  } catch (error) {
    throw new Error(`packages: ${name} failed\n${error instanceof Error ? error.message : error}`);
  }
}

/** @template T @param {readonly T[]} items @param {(item: T) => Promise<unknown>} work */
async function inTurn(items, work) {
  for (const item of items) await work(item);
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<string>} what it wrote to stdout; rejects with all that it wrote if it fails or takes two minutes
 */
function run(command, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 });
    let stdout = "";
    let all = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      all += chunk;
    });
    child.stderr.on("data", (chunk) => {
      all += chunk;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args.join(" ")}\nended with ${signal ?? code}\n${all}`));
    });
  });
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** @param {string} path @param {unknown} value */
function writeJson(path, value) {
  writeFileSync(path, JSON.stringify(value, undefined, 2));
}
