/**
 * Bundles the processes that are measured, with Hooklatch from its sources, so that a change is measured without a build. Frameworks, drivers
 * and other libraries stay outside, as they were installed.
 */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Inside of the package, so that what is not bundled is found. */
const folder = join(root, "node_modules", ".cache", "bench");

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  devDependencies: Record<string, string>;
};
const installed = Object.keys(manifest.devDependencies).filter((name) => !name.startsWith("@hooklatch/"));

export type Program = "server" | "load";

/** Resolves to the path of each program. */
export async function bundle(): Promise<Record<Program, string>> {
  rmSync(folder, { recursive: true, force: true });
  await build({
    entryPoints: { server: join(root, "src/http/server.ts"), load: join(root, "src/http/load.ts") },
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
  return { server: join(folder, "server.mjs"), load: join(folder, "load.mjs") };
}
