/** What a SQLite file promises, by its settings as they are now. */
import { statSync } from "node:fs";
import type { StoreDescription, StorePromise } from "@hooklatch/core";
import { prepare, type SqliteDatabase } from "./database.js";

const LEVELS = ["OFF", "NORMAL", "FULL", "EXTRA"];

export function describe(db: SqliteDatabase): StoreDescription {
  const pragma = (name: string): string => String(db.pragma(name, { simple: true }));
  const level = Number(pragma("synchronous"));
  const { version } = prepare(db, "SELECT sqlite_version() AS version").get() as { version: string };
  const bytes = Number(pragma("page_count")) * Number(pragma("page_size"));
  const size = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const facts = {
    version,
    file: db.memory ? "in memory" : db.name,
    journal_mode: pragma("journal_mode"),
    synchronous: LEVELS[level] ?? String(level),
    size_bytes: String(bytes),
    ...(db.memory ? {} : { wal_bytes: String(size(`${db.name}-wal`)) }),
  };
  if (db.memory) {
    const why = "The database is in this process's memory.";
    return {
      kind: "sqlite",
      facts,
      promises: [{ when: "the process is killed", keeps: "nothing", why }],
      warnings: ["The database is in memory: everything is lost with the process. Pass the path of a file."],
    };
  }
  const full = level >= 2;
  return {
    kind: "sqlite",
    facts,
    promises: promisesOf(full),
    warnings: full
      ? []
      : [
          `synchronous is ${facts.synchronous} on this connection: a power loss takes back what was confirmed. Hooklatch sets FULL; something set it down since.`,
        ],
  };
}

function promisesOf(full: boolean): StorePromise[] {
  return [
    {
      when: "a process is killed",
      keeps: "everything",
      why: "What was committed is with the operating system, or on the disk.",
    },
    {
      when: "the power fails, or the operating system crashes",
      keeps: full ? "everything" : "most",
      why: full
        ? "Each commit waits until the disk has it, on a local disk that keeps what it synced."
        : "With this setting, commits do not wait for the disk.",
    },
    {
      when: "the disk is lost",
      keeps: "nothing",
      why: "There is one copy: back the file up, with `VACUUM INTO` or a tool that ships its WAL.",
    },
  ];
}
