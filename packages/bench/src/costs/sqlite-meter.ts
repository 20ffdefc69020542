/** Counts the statements that a SQLite connection carries out, by their first word. */
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import type { Meter } from "./calls.js";

/** `path`: of a file that is not there yet. */
export function sqliteMeter(path: string): Meter {
  let seen: Record<string, number> = {};
  const db = new Database(path, {
    verbose(sql) {
      const [kind = ""] = String(sql).trim().split(/\s/, 1);
      seen[kind] = (seen[kind] ?? 0) + 1;
    },
  });
  return {
    store: sqliteStore(db),
    async during(act) {
      seen = {};
      await act();
      return seen;
    },
    async stop() {
      db.close();
    },
  };
}
