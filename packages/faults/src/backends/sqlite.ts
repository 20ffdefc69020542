import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import type { OpenBackend } from "../backend.js";

/** One file for store and letters. */
export interface SqliteBackend {
  kind: "sqlite";
  file: string;
}

export function openSqlite({ file }: SqliteBackend): OpenBackend {
  const store = sqliteStore(file);
  const letters = sqliteDeadLetters(file);
  return {
    store,
    letters,
    integrity: () => integrityOf(file),
    async close() {
      await letters.close?.();
      await store.close?.();
    },
  };
}

function integrityOf(file: string): string {
  const database = new Database(file);
  try {
    return (database.pragma("integrity_check") as { integrity_check: string }[])
      .map((row) => row.integrity_check)
      .join("; ");
  } finally {
    database.close();
  }
}
