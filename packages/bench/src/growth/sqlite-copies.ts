/** A large SQLite file in seconds: rows that the store would have written, one for one, without the store. */
import { storageKey } from "@hooklatch/core";
import Sqlite from "better-sqlite3";
import { keyOf } from "../stores/subject.js";

const TABLE = "hooklatch_operations";
const AT_ONCE = 10_000;

/** Copies the record of key 0 for the keys from `from` up to `to`, `to` excluded. Whatever columns it has, they are the store's own. */
export function copyRecords(path: string, from: number, to: number): void {
  const db = new Sqlite(path);
  // What is measured later is not how this was written.
  db.pragma("synchronous = OFF");
  const columns = db.pragma(`table_info(${TABLE})`) as { name: string }[];
  const copied = columns.map(({ name }) => name).filter((name) => !["id", "name", "key"].includes(name));
  const list = copied.join(", ");
  const copy = db.prepare(
    `INSERT INTO ${TABLE} (name, key, ${list}) SELECT ?, ?, ${list} FROM ${TABLE} WHERE name = ?`,
  );
  const original = nameOf(0);
  const copySome = db.transaction((first: number, end: number) => {
    for (let n = first; n < end; n++) copy.run(nameOf(n), keyOf(n), original);
  });
  for (let n = from; n < to; n += AT_ONCE) copySome(n, Math.min(n + AT_ONCE, to));
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
}

function nameOf(n: number): Buffer {
  return Buffer.from(storageKey({ scope: "bench", key: keyOf(n) }), "hex");
}
