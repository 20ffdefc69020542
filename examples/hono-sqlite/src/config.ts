/** The settings of this example, from the environment. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSettings, type Settings } from "example-express-sqlite/settings";

export interface Config extends Settings {
  /** Hooklatch's file. */
  database: string;
  /** The shop's own file. */
  shopDatabase: string;
}

export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const database = env.HOOKLATCH_DB ?? fileURLToPath(new URL("../data/hooklatch.db", import.meta.url));
  mkdirSync(dirname(database), { recursive: true });
  const shopDatabase = env.SHOP_DB ?? join(dirname(database), "shop.db");
  return { ...readSettings(env), database, shopDatabase };
}
