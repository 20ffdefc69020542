/** The tables, by version. A file may be shared with the app: every name starts with `hooklatch_`. */
import { HooklatchError } from "@hooklatch/core";
import { prepare, type SqliteDatabase } from "./database.js";
import { fillFacets } from "./facets-migration.js";

export type Part = "operations" | "letters";

/** What leads from each version to the next. Never changed once released: a new version is a new entry. */
const MIGRATIONS: Record<Part, readonly (string | ((db: SqliteDatabase) => void))[]> = {
  operations: [
    // A rowid table: payloads are large, and oldest records come first, which is the order of purging. Small columns come first, so
    // that reading them does not touch the overflow pages of a large event.
    `CREATE TABLE hooklatch_operations (
      id INTEGER PRIMARY KEY,
      name BLOB NOT NULL UNIQUE,
      scope TEXT NOT NULL,
      tenant TEXT,
      key TEXT NOT NULL,
      state TEXT NOT NULL,
      owner TEXT NOT NULL,
      token INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      recovered INTEGER NOT NULL,
      round INTEGER NOT NULL,
      stored INTEGER NOT NULL,
      fingerprint TEXT,
      letter TEXT NOT NULL,
      note_owner TEXT,
      note_due_at INTEGER,
      note_tries INTEGER NOT NULL,
      replay_id TEXT,
      replay INTEGER NOT NULL,
      born_at INTEGER NOT NULL,
      changed_at INTEGER NOT NULL,
      lease_until INTEGER,
      due_at INTEGER,
      expires_at INTEGER,
      runnable_at INTEGER,
      note_at INTEGER,
      handed_to TEXT,
      error TEXT,
      attempts TEXT NOT NULL,
      result_kept INTEGER NOT NULL DEFAULT 0,
      event BLOB,
      result BLOB
    );
    CREATE INDEX hooklatch_operations_runnable ON hooklatch_operations (scope, runnable_at) WHERE runnable_at IS NOT NULL;
    CREATE INDEX hooklatch_operations_note ON hooklatch_operations (scope, note_at) WHERE note_at IS NOT NULL;
    CREATE INDEX hooklatch_operations_handed ON hooklatch_operations (handed_to) WHERE handed_to IS NOT NULL;
    CREATE INDEX hooklatch_operations_note_owner ON hooklatch_operations (note_owner) WHERE note_owner IS NOT NULL;`,
    // Few operations are ever replayed: what is kept of that is no column of theirs, so that nobody else reads or writes it. Columns added
    // now would lie behind the payloads, and every reading of an operation would walk over these.
    `CREATE TABLE hooklatch_replays
      (operation INTEGER PRIMARY KEY, replays TEXT NOT NULL, edited INTEGER NOT NULL, original BLOB);
    CREATE TRIGGER hooklatch_replays_gone AFTER DELETE ON hooklatch_operations
      BEGIN DELETE FROM hooklatch_replays WHERE operation = OLD.id; END;
    CREATE INDEX hooklatch_operations_scope ON hooklatch_operations (scope);`,
  ],
  letters: [
    // A removed letter stays for a while as its version alone, to keep out a push that is still on its way.
    `CREATE TABLE hooklatch_letters (
      arrival INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      scope TEXT NOT NULL,
      tenant TEXT,
      key TEXT NOT NULL,
      born_at INTEGER NOT NULL,
      token INTEGER NOT NULL,
      removed_at INTEGER,
      details TEXT,
      event BLOB
    );
    CREATE INDEX hooklatch_letters_removed ON hooklatch_letters (removed_at) WHERE removed_at IS NOT NULL;
    CREATE INDEX hooklatch_letters_scope ON hooklatch_letters (scope, arrival) WHERE removed_at IS NULL;`,
    // Letters of version 1 arrived when they died, as far as the order of arrival allows it. The new columns lie behind the payload, so
    // they are never read to find a letter: each index holds all that its questions look at, `removed_at` and the name of a code included.
    `ALTER TABLE hooklatch_letters ADD COLUMN arrived_at INTEGER;
    ALTER TABLE hooklatch_letters ADD COLUMN error_name TEXT;
    ALTER TABLE hooklatch_letters ADD COLUMN error_code TEXT;
    UPDATE hooklatch_letters SET arrived_at = known.at, error_name = known.name, error_code = known.code
      FROM (
        SELECT arrival, MAX(json_extract(details, '$.diedAt')) OVER (ORDER BY arrival) AS at,
          json_extract(details, '$.error.name') AS name, json_extract(details, '$.error.code') AS code
          FROM hooklatch_letters WHERE removed_at IS NULL
      ) AS known
      WHERE hooklatch_letters.arrival = known.arrival;
    DROP INDEX hooklatch_letters_scope;
    CREATE INDEX hooklatch_letters_scope ON hooklatch_letters (scope, arrival, removed_at) WHERE removed_at IS NULL;
    CREATE INDEX hooklatch_letters_arrived ON hooklatch_letters (arrived_at, arrival, removed_at) WHERE removed_at IS NULL;
    CREATE INDEX hooklatch_letters_name ON hooklatch_letters (error_name, arrival, removed_at) WHERE removed_at IS NULL;
    CREATE INDEX hooklatch_letters_scope_name ON hooklatch_letters (scope, error_name, arrival, removed_at)
      WHERE removed_at IS NULL;
    CREATE INDEX hooklatch_letters_code ON hooklatch_letters (error_code, arrival, error_name, removed_at)
      WHERE removed_at IS NULL AND error_code IS NOT NULL;
    CREATE INDEX hooklatch_letters_scope_code ON hooklatch_letters (scope, error_code, arrival, error_name, removed_at)
      WHERE removed_at IS NULL AND error_code IS NOT NULL;`,
    // In a table of their own, because a column that is added lies behind the event, and rewriting every letter takes long. Rows and index
    // entries are added at their end, nearly always, which is cheap.
    (db) => {
      db.exec(`ALTER TABLE hooklatch_letters ADD COLUMN original BLOB;
        CREATE TABLE hooklatch_letter_facets (
          arrival INTEGER PRIMARY KEY,
          scope TEXT NOT NULL,
          tenant TEXT,
          key TEXT NOT NULL,
          first_failed_at INTEGER NOT NULL,
          died_at INTEGER NOT NULL,
          replays INTEGER NOT NULL,
          error_name TEXT NOT NULL,
          error_code TEXT,
          error_text TEXT NOT NULL
        );
        CREATE TRIGGER hooklatch_letter_facets_gone AFTER UPDATE OF removed_at ON hooklatch_letters WHEN NEW.removed_at IS NOT NULL
          BEGIN DELETE FROM hooklatch_letter_facets WHERE arrival = NEW.arrival; END;`);
      fillFacets(db);
      db.exec(`CREATE INDEX hooklatch_letter_facets_key ON hooklatch_letter_facets (key);
        CREATE INDEX hooklatch_letter_facets_died ON hooklatch_letter_facets (died_at, scope);`);
    },
  ],
};

/**
 * Brings the tables of one part to the newest version.
 * @throws {HooklatchError} `schema_newer` for a file that a newer Hooklatch has written; nothing is changed then
 */
export function migrate(db: SqliteDatabase, part: Part): void {
  const steps = MIGRATIONS[part];
  if (versionOf(db, part) === steps.length) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    // Read again under the lock: another process may just have done it.
    refuseNewer(db, part);
    db.exec("CREATE TABLE IF NOT EXISTS hooklatch_schema (part TEXT PRIMARY KEY, version INTEGER NOT NULL)");
    for (const step of steps.slice(versionOf(db, part))) {
      if (typeof step === "string") db.exec(step);
      else step(db);
    }
    prepare(db, "INSERT OR REPLACE INTO hooklatch_schema (part, version) VALUES (?, ?)").run(
      part,
      steps.length,
    );
    db.exec("COMMIT");
  } catch (error) {
    if (db.inTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** @throws {HooklatchError} `schema_newer` */
export function refuseNewer(db: SqliteDatabase, part: Part): void {
  const version = versionOf(db, part);
  const newest = MIGRATIONS[part].length;
  if (version <= newest) return;
  const text = `${db.name} was written by a newer Hooklatch (${part} version ${version}, this one knows ${newest}). Upgrade it.`;
  throw new HooklatchError("schema_newer", text);
}

function versionOf(db: SqliteDatabase, part: Part): number {
  const known = prepare(
    db,
    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'hooklatch_schema'",
  ).get();
  if (known === undefined) return 0;
  const row = prepare(db, "SELECT version FROM hooklatch_schema WHERE part = ?").get(part) as
    | { version: number }
    | undefined;
  return row?.version ?? 0;
}
