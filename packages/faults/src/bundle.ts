/** Bundles the app from the sources: a bundle starts four times as quickly as sources through tsx. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Inside of the package, so that the driver, which is not bundled, is found. */
const cache = join(root, "node_modules", ".cache", "faults");
const APPS = ["app", "guarded-app", "bulk-replay-app"] as const;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Slows down each start, and is of use only to whoever looks into a run. */
const withSourceMap = process.env.FAULTS_KEEP !== undefined;
let bundled: Promise<string> | undefined;

/** The path of the bundle of an app. Made once for the same sources: each file of tests would make its own. */
export async function bundledApp(name: (typeof APPS)[number] = "app"): Promise<string> {
  bundled ??= find();
  return join(await bundled, `${name}.cjs`);
}

async function find(): Promise<string> {
  const path = join(cache, hashOfSources());
  const now = new Date();
  if (existsSync(path)) {
    utimesSync(path, now, now);
    return path;
  }
  mkdirSync(cache, { recursive: true });
  for (const old of readdirSync(cache).map((name) => join(cache, name))) {
    const usedAt = statSync(old, { throwIfNoEntry: false })?.mtime ?? now;
    if (+now - +usedAt > DAY_MS) rmSync(old, { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(cache, "making-"));
  await bundle(folder);
  // In one step, as others may be looking for it.
  try {
    renameSync(folder, path);
  } catch (error) {
    // Another was quicker.
    if (!existsSync(path)) throw error;
    rmSync(folder, { recursive: true });
  }
  return path;
}

function hashOfSources(): string {
  const hash = createHash("sha256").update(withSourceMap ? "with source map" : "");
  hash.update(readFileSync(join(root, "../../pnpm-lock.yaml")));
  for (const name of ["core", "express", "faults", "redis", "sqlite"]) {
    const folder = join(root, "..", name, "src");
    for (const file of readdirSync(folder, { recursive: true }).map(String).sort()) {
      const path = join(folder, file);
      if (statSync(path).isFile()) hash.update(`\n${name}/${file}\n`).update(readFileSync(path));
    }
  }
  return hash.digest("hex").slice(0, 16);
}

async function bundle(folder: string): Promise<void> {
  await build({
    config: false,
    silent: true,
    entry: APPS.map((name) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))),
    tsconfig: join(root, "tsconfig.json"),
    outDir: folder,
    format: "cjs",
    target: "node20",
    outExtension: () => ({ js: ".cjs" }),
    noExternal: [/^(?!better-sqlite3$)/],
    external: ["better-sqlite3"],
    splitting: false,
    sourcemap: withSourceMap ? "inline" : false,
  });
}
