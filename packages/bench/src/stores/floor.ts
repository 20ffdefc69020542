/**
 * The least that a driver can do for the same bytes, one command or one transaction after the other. It leases nothing, counts nothing and
 * fences nothing: a floor, not a contender.
 */
import Sqlite from "better-sqlite3";
import { Redis } from "ioredis";
import { expectBytes, keyOf, type Open } from "./subject.js";

const DAY_MS = 24 * 60 * 60 * 1000;

export const redisCommands: Open = (url, payload) => {
  const client = new Redis(url);
  return {
    async claim(n) {
      const known = await client.set(keyOf(n), payload.event, "PX", DAY_MS, "NX", "GET");
      if (known !== null) throw new Error("A new key is known.");
    },
    complete: (n) => client.set(keyOf(n), payload.result, "PX", DAY_MS),
    async duplicate(n) {
      expectBytes(await client.getBuffer(keyOf(n)), payload);
    },
    close: () => client.disconnect(),
  };
};

/** `FULL` survives a power loss, as the store does; `NORMAL` may then lose what it has confirmed. */
export const sqliteCommits =
  (synchronous: "FULL" | "NORMAL"): Open =>
  (path, payload) => {
    const db = new Sqlite(path);
    db.pragma("journal_mode = WAL");
    db.pragma(`synchronous = ${synchronous}`);
    db.exec(
      "CREATE TABLE IF NOT EXISTS events (key TEXT PRIMARY KEY, expires_at INTEGER, event BLOB, result BLOB)",
    );
    const insert = db.prepare("INSERT INTO events VALUES (?, ?, ?, NULL)");
    const update = db.prepare("UPDATE events SET event = NULL, result = ?, expires_at = ? WHERE key = ?");
    const find = db.prepare("SELECT result FROM events WHERE key = ?").pluck();
    return {
      claim: (n) => insert.run(keyOf(n), Date.now() + DAY_MS, payload.event),
      complete: (n) => update.run(payload.result, Date.now() + DAY_MS, keyOf(n)),
      duplicate: (n) => expectBytes(find.get(keyOf(n)) as Buffer | undefined, payload),
      close: () => void db.close(),
    };
  };
