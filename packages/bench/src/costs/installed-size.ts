/** What a package weighs on the way to an app, and there: with the dependencies that it brings, without the app's own. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Published } from "./published.js";

export interface InstalledSize {
  /** The tarball. */
  packed: number;
  unpacked: number;
  files: number;
  /** How many packages come with it, and their unpacked size. */
  dependencies: number;
  dependencyBytes: number;
}

/** Of what was built. */
export function installedSize({ directory }: Published): InstalledSize {
  const answer = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ size, unpackedSize, entryCount }] = JSON.parse(answer) as [
    { size: number; unpackedSize: number; entryCount: number },
  ];
  const brought = dependenciesOf(directory);
  return {
    packed: size,
    unpacked: unpackedSize,
    files: entryCount,
    dependencies: brought.size,
    dependencyBytes: [...brought].reduce((sum, path) => sum + bytesIn(path), 0),
  };
}

/** Their directories, each once. Peers are the app's own. */
function dependenciesOf(directory: string, known = new Set<string>()): Set<string> {
  const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
  };
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const found = find(directory, name);
    if (known.has(found)) continue;
    known.add(found);
    dependenciesOf(found, known);
  }
  return known;
}

/** As Node looks for it, whatever the package exports. */
function find(from: string, name: string): string {
  const path = join(from, "node_modules", name);
  if (existsSync(join(path, "package.json"))) return realpathSync(path);
  if (dirname(from) === from) throw new Error(`${name} is not installed.`);
  return find(dirname(from), name);
}

function bytesIn(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, item) => {
    const path = join(directory, item.name);
    if (item.isDirectory()) return item.name === "node_modules" ? sum : sum + bytesIn(path);
    return sum + (item.isFile() ? statSync(path).size : 0);
  }, 0);
}
