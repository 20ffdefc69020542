/** Builds the packages, where their sources have changed: what is published is measured as it is published. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../../../scripts/build.mjs", import.meta.url));

export function buildPackages(): void {
  execFileSync(process.execPath, [script], { stdio: ["ignore", "ignore", "inherit"] });
}
