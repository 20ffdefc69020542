/** One file out of an entry and everything it imports, from the sources, for a host without modules of its own. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
// Brings the bundler; what it is configured for here has nothing to do with how the packages are built.
import { build } from "tsup";

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export interface Bundle {
  code: string;
  /** What it has to be given by its host: a Node built-in, for instance. */
  imports: string[];
  /** How many files are in it. */
  files: number;
}

interface Metafile {
  inputs: Record<string, unknown>;
  outputs: Record<string, { imports: { path: string; external?: boolean }[] }>;
}

/** @param entry a file beside this one; `folder` is for what is built */
export async function bundle(entry: string, folder: string): Promise<Bundle> {
  await build({
    entry: { bundle: path(entry) },
    outDir: folder,
    outExtension: () => ({ js: ".js" }),
    format: "esm",
    platform: "neutral",
    target: "es2022",
    // All but Node's built-ins, so that one of them shows as an import.
    noExternal: [/^(?!node:)/],
    external: [/^node:/],
    // Its paths lead to the sources.
    tsconfig: path("../../../../tsconfig.base.json"),
    // `node:` stays as it is written.
    removeNodeProtocol: false,
    metafile: true,
    config: false,
    silent: true,
  });
  const { inputs, outputs } = JSON.parse(
    await readFile(join(folder, "metafile-esm.json"), "utf8"),
  ) as Metafile;
  const imports = Object.values(outputs).flatMap((output) => output.imports.map(({ path }) => path));
  const code = await readFile(join(folder, "bundle.js"), "utf8");
  return { code, imports, files: Object.keys(inputs).length };
}
