/** What a database promises, by its settings as they are now: an app can change those of its own connection at any time. */
import { statSync } from "node:fs";
import type { StoreDescription, StorePromise } from "@hooklatch/core";
import { prepare, type SqliteDatabase } from "./database.js";

/** `PRAGMA synchronous`, by its number. */
const LEVELS = ["OFF", "NORMAL", "FULL", "EXTRA"];
const [NORMAL, FULL, EXTRA] = [1, 2, 3];

interface Settings {
  journal: string;
  level: number;
}

export function describe(db: SqliteDatabase): StoreDescription {
  const pragma = (name: string): string => String(db.pragma(name, { simple: true }));
  const { version } = prepare(db, "SELECT sqlite_version() AS version").get() as { version: string };
  const settings = { journal: pragma("journal_mode"), level: Number(pragma("synchronous")) };
  const facts = {
    version,
    file: db.memory ? "none: it is in memory, or temporary" : db.name,
    journal_mode: settings.journal,
    synchronous: nameOf(settings.level),
    size_bytes: String(Number(pragma("page_count")) * Number(pragma("page_size"))),
  };
  if (db.memory) return { kind: "sqlite", facts, ...IN_MEMORY };
  const wal = statSync(`${db.name}-wal`, { throwIfNoEntry: false });
  return {
    kind: "sqlite",
    facts: { ...facts, wal_bytes: String(wal?.size ?? 0) },
    promises: [
      { when: "the process is killed", ...afterKill(settings) },
      { when: "the operating system crashes, or the machine loses its power", ...afterPowerLoss(settings) },
      {
        when: "the disk is lost",
        keeps: "nothing",
        why: "There is one copy: back it up, with `VACUUM INTO` or a tool that ships its WAL.",
      },
    ],
    warnings: warningsOf(settings),
  };
}

const IN_MEMORY: Pick<StoreDescription, "promises" | "warnings"> = {
  promises: [
    { when: "the process is killed", keeps: "nothing", why: "The database ends with its connection." },
  ],
  warnings: [
    "Pass the path of a file: everything is lost with the process, events that were answered 202 included.",
  ],
};

type Kept = Omit<StorePromise, "when">;

const NO_JOURNAL: Kept = {
  keeps: "unknown",
  why: "No journal is on the disk: a commit that is cut off may leave the file damaged.",
};

function afterKill({ journal }: Settings): Kept {
  if (!hasJournal(journal)) return NO_JOURNAL;
  return { keeps: "everything", why: "Each commit is with the operating system before it is confirmed." };
}

function afterPowerLoss({ journal, level }: Settings): Kept {
  if (!hasJournal(journal)) return NO_JOURNAL;
  // Outside of WAL it takes EXTRA, which syncs the directory of the journal, too.
  if (level >= (journal === "wal" ? FULL : EXTRA)) {
    return {
      keeps: "everything",
      why: "Each commit is on the disk before it is confirmed, if the disk is a local one that keeps what it synced.",
    };
  }
  if (level >= NORMAL) return { keeps: "most", why: "The last commits may not be on the disk." };
  return { keeps: "unknown", why: "Nothing waits for the disk: the file itself may be damaged." };
}

function warningsOf({ journal, level }: Settings): string[] {
  const warnings: string[] = [];
  if (journal !== "wal") {
    warnings.push(
      `Set journal_mode back to WAL: it is ${journal}, so something changed it after Hooklatch had set it.`,
    );
  }
  if (!(level >= FULL)) {
    warnings.push(
      `Set synchronous back to FULL: this connection has ${nameOf(level)}, which something set after Hooklatch, and a power loss takes back what was confirmed.`,
    );
  }
  return warnings;
}

function hasJournal(mode: string): boolean {
  return mode !== "off" && mode !== "memory";
}

function nameOf(level: number): string {
  return LEVELS[level] ?? String(level);
}
