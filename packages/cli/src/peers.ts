/** The packages that a store needs: the working directory's own first, so that its app and this command use the same. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { CliError } from "./exit.js";

/** @throws {CliError} `package_missing`, saying what to install */
export function loadPeer(name: string, needed: string, install: string): Record<string, unknown> {
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      return createRequire(from)(name) as Record<string, unknown>;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  throw new CliError(
    "package_missing",
    `${needed} needs a package that is not installed here. Install: npm install ${install}`,
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";
}
