import { readFileSync } from "node:fs";
import { basename } from "node:path";

/**
 * How to call the pnpm that runs this script. It need not be on the PATH: pnpm tells its scripts where it is.
 *
 * @returns {[string, ...string[]]}
 */
export function pnpmCommand() {
  const self = process.env.npm_execpath;
  if (self && /^pnpm(\.c?js)?$/.test(basename(self))) {
    return /\.c?js$/.test(self) ? [process.execPath, self] : [self];
  }
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return ["npx", "-y", manifest.packageManager];
}
