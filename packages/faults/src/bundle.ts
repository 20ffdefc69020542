/** Bundles the app from the sources, once for each harness process: a bundle starts four times as quickly as sources through tsx. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

const root = fileURLToPath(new URL("..", import.meta.url));
let bundled: Promise<string> | undefined;

/** The path of the bundle. */
export function bundleApp(): Promise<string> {
  bundled ??= bundle();
  return bundled;
}

async function bundle(): Promise<string> {
  // Inside of the package, so that the driver, which is not bundled, is found.
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "faults-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  await build({
    config: false,
    silent: true,
    entry: [join(root, "src", "app.ts")],
    tsconfig: join(root, "tsconfig.json"),
    outDir: folder,
    format: "cjs",
    target: "node20",
    outExtension: () => ({ js: ".cjs" }),
    noExternal: [/^(?!better-sqlite3$)/],
    external: ["better-sqlite3"],
    splitting: false,
    sourcemap: "inline",
  });
  return join(folder, "app.cjs");
}
