/** The packages that are published: what an app can install. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface Published {
  /** Without the scope: `express`. */
  name: string;
  directory: string;
  /** The source of what it is imported, or started, by. */
  entry: string;
  /** Absent for a command. */
  module?: string | undefined;
  /** What an app has anyway that uses it. */
  beside?: string | undefined;
}

const packages = fileURLToPath(new URL("../../../", import.meta.url));

const BESIDE: Readonly<Record<string, string>> = {
  express: "express",
  fastify: "fastify",
  hono: "hono",
  redis: "ioredis",
  sqlite: "better-sqlite3",
};

export function published(): Published[] {
  return readdirSync(packages)
    .filter((name) => existsSync(join(packages, name, "package.json")))
    .filter((name) => !JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")).private)
    .map((name) => {
      const directory = join(packages, name);
      const index = join(directory, "src", "index.ts");
      if (!existsSync(index)) return { name, directory, entry: join(directory, "src", "bin.ts") };
      const module = join(directory, "dist", "index.js");
      return { name, directory, entry: index, module, beside: BESIDE[name] };
    });
}
