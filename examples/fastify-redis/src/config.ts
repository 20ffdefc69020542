/** The settings of this example, from the environment. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings, type Settings } from "example-express-sqlite/settings";

export interface Config extends Settings {
  /** Hooklatch's server. */
  database: string;
  /** The shop's own file. */
  shopDatabase: string;
}

export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const shopDatabase = env.SHOP_DB ?? fileURLToPath(new URL("../data/shop.db", import.meta.url));
  mkdirSync(dirname(shopDatabase), { recursive: true });
  return { ...readSettings(env), database: env.REDIS_URL || "redis://127.0.0.1:6379", shopDatabase };
}
