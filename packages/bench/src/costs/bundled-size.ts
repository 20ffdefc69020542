/** How large a package is in a bundle: for hosts that start anew for each request, or nearly so, and load all of it then. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Published } from "./published.js";

export interface BundledSize {
  minified: number;
  gzipped: number;
}

/** `own`: without the other packages of Hooklatch, which an app bundles once. `all`: with them. */
export async function bundledSize({ entry }: Published, which: "own" | "all"): Promise<BundledSize> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    platform: "node",
    format: "esm",
    target: "node20",
    external: [...NOT_OURS, ...(which === "own" ? ["@hooklatch/*"] : [])],
    logLevel: "warning",
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error(`There is no bundle of ${entry}.`);
  return {
    minified: output.contents.byteLength,
    gzipped: gzipSync(output.contents, { level: 9 }).byteLength,
  };
}

/** Frameworks, drivers and test runners: the app's own. */
const NOT_OURS = ["express", "fastify", "hono", "ioredis", "better-sqlite3", "vitest"];
