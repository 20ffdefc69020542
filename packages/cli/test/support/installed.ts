/**
 * The packages as an app has them installed: built from the sources as they are now, in a `node_modules` of this test file's own. So a test
 * runs what is shipped, without waiting for a loader in each process.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";

const packages = fileURLToPath(new URL("../../..", import.meta.url));
const require = createRequire(import.meta.url);
const { build } = createRequire(require.resolve("tsup"))("esbuild") as {
  build(options: Record<string, unknown>): Promise<unknown>;
};

/** What each is made of, and what it needs beside them. */
const PARTS = {
  core: { entries: ["index", "life"], needs: ["structured-headers", "exponential-backoff", "@noble/hashes"] },
  sqlite: { entries: ["index"], needs: ["better-sqlite3"] },
  redis: { entries: ["index"], needs: ["ioredis", "cluster-key-slot"] },
  cli: { entries: ["bin"], needs: ["commander", "cli-table3", "picocolors"] },
} as const;
type Part = keyof typeof PARTS;

export interface Installed {
  /** The directory whose `node_modules` it is: apps of the tests run here. */
  readonly app: string;
  readonly bin: string;
}

/** For the whole test file. `without`: packages that are not installed. */
export function install({ without = [] }: { without?: readonly Part[] } = {}): Installed {
  const app = mkdtempSync(join(realpathSync(tmpdir()), "hooklatch cli "));
  beforeAll(async () => {
    const parts = (Object.keys(PARTS) as Part[]).filter((part) => !without.includes(part));
    await Promise.all(parts.map((part) => make(app, part)));
  });
  afterAll(() => rmSync(app, { recursive: true, force: true }));
  return { app, bin: join(app, "node_modules/@hooklatch/cli/dist/bin.js") };
}

async function make(app: string, part: Part): Promise<void> {
  const home = join(app, "node_modules/@hooklatch", part);
  const { entries, needs } = PARTS[part];
  const entryPoints = entries.map((entry) => join(packages, part, "src", `${entry}.ts`));
  const common = {
    ...{ entryPoints, outdir: join(home, "dist"), bundle: true, packages: "external", platform: "node" },
    // Else siblings would be found by the paths of the workspace, and be bundled, too.
    ...{ target: "node20", logLevel: "silent", tsconfigRaw: "{}", splitting: false },
  };
  await build({ ...common, format: "esm" });
  if (part !== "cli") await build({ ...common, format: "cjs", outExtension: { ".js": ".cjs" } });
  const exported = entries.map((entry) => [
    entry === "index" ? "." : `./${entry}`,
    { import: `./dist/${entry}.js`, require: `./dist/${entry}.cjs` },
  ]);
  const manifest = {
    name: `@hooklatch/${part}`,
    ...{ version: "0.0.0", type: "module", exports: Object.fromEntries(exported) },
  };
  writeFileSync(join(home, "package.json"), JSON.stringify(manifest));
  for (const need of needs) {
    const from = join(packages, part, "node_modules", need);
    const to = join(app, "node_modules", need);
    mkdirSync(dirname(to), { recursive: true });
    try {
      symlinkSync(realpathSync(from), to);
    } catch {
      // It does not need this one, or it is there already.
    }
  }
}
