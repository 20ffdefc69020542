import { defineConfig } from "tsup";

/**
 * How every package is built: ES modules and CommonJS, each with its own declarations. Sibling packages are peers, so they stay
 * imports, and their types come from their built `dist`, as they will for users: `scripts/build.mjs` builds in dependency order.
 */
export function packageConfig(entry: string[], compilerOptions: Record<string, unknown> = {}) {
  return defineConfig({
    entry,
    format: ["esm", "cjs"],
    target: "node20",
    // `node:` imports stay as they are written: hosts that are not Node know them only by that name.
    removeNodeProtocol: false,
    // Entry points of one package share their classes and state, in CommonJS too.
    splitting: true,
    treeshake: true,
    sourcemap: true,
    clean: true,
    dts: { compilerOptions: { ...compilerOptions, paths: {}, noEmit: false, incremental: false } },
  });
}
