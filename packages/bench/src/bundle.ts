/**
 * Bundles the processes that are measured, with Hooklatch from its sources, so that a change is measured without a build: tsx would be one more
 * thing to measure, since it wraps functions to keep their names. Frameworks, drivers and other libraries stay outside, as they were installed.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Inside of the package, so that what is not bundled is found; of this run alone, so that another one may run beside it. */
const folder = join(root, "node_modules", ".cache", "bench", String(process.pid));

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};
const installed = Object.keys(manifest.devDependencies).filter((name) => !name.startsWith("@hooklatch/"));

const PROGRAMS = {
  server: "src/http/server.ts",
  load: "src/http/load.ts",
  stores: "src/stores/program.ts",
  growth: "src/growth/program.ts",
  costs: "src/costs/program.ts",
  imports: "src/costs/imports-program.ts",
};
export type Program = keyof typeof PROGRAMS;

let clearsUp = false;

/** For a process that is killed rather than ends, as those of Vitest are. */
export function removeBundle(): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Resolves to the path of each program. They are gone when this process ends. */
export async function bundle(): Promise<Record<Program, string>> {
  if (!clearsUp) process.once("exit", removeBundle);
  clearsUp = true;
  await build({
    entryPoints: mapValues((path) => join(root, path)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    external: installed,
    platform: "node",
    format: "esm",
    target: "node20",
    // For the CommonJS modules among what is bundled.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    sourcemap: "inline",
    logLevel: "warning",
  });
  return mapValues((_, name) => join(folder, `${name}.mjs`));
}

function mapValues(to: (path: string, name: Program) => string): Record<Program, string> {
  const entries = Object.entries(PROGRAMS) as [Program, string][];
  return Object.fromEntries(entries.map(([name, path]) => [name, to(path, name)])) as Record<Program, string>;
}
