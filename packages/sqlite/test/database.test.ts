/** What opening promises: durability on every connection, and refusal of what cannot keep it. */
import { copyFileSync, readFileSync } from "node:fs";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { describe, expect, test, vi } from "vitest";
import { assertSqliteVersion } from "../src/open.js";
import { claimOf, scratch } from "./support.js";

const file = scratch("database");

describe("durability", () => {
  test("a database of the app's own has WAL and synchronous=FULL after every open, not only after the first", async () => {
    const path = file("own.db");
    for (let open = 0; open < 3; open++) {
      const db = new Database(path);
      if (open > 0) expect(db.pragma("synchronous", { simple: true })).toBe(1);
      const store = sqliteStore(db);
      expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
      expect(db.pragma("synchronous", { simple: true })).toBe(2);
      await store.close?.();
      expect(db.open).toBe(true);
      db.close();
    }
  });

  test("a setting that does not stick is refused", () => {
    const db = new Database(file("stubborn.db"));
    const stubborn = Object.assign(Object.create(db), {
      pragma: (source: string, options?: { simple?: boolean }) =>
        source === "synchronous" ? 1 : db.pragma(source, options),
      prepare: (sql: string) => db.prepare(sql),
      exec: (sql: string) => db.exec(sql),
    });
    for (const name of ["open", "name", "memory", "readonly", "inTransaction"] as const) {
      Object.defineProperty(stubborn, name, { get: () => db[name] });
    }
    expect(() => sqliteStore(stubborn)).toThrow(expect.objectContaining({ code: "store_not_durable" }));
    db.close();
  });

  test("says what it survives", async () => {
    const disk = sqliteStore(file("disk.db"));
    const memory = sqliteStore(":memory:");
    expect([disk.survives, memory.survives]).toEqual(["disk", "process"]);
    await Promise.all([disk.close?.(), memory.close?.()]);
  });

  test("a store's file passes an integrity check, and what it confirmed is there after a reopen", async () => {
    const path = file("reopen.db");
    const first = sqliteStore(path);
    const request = claimOf("k");
    await first.claim(request);
    await first.close?.();
    const second = sqliteStore(path);
    expect(await second.get(request.id)).toMatchObject({ state: "running", token: 1, event: request.event });
    await second.close?.();
    const db = new Database(path);
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    db.close();
  });
});

describe("what is refused", () => {
  test("a schema of a newer version, and nothing in the file is changed", async () => {
    const path = file("newer.db");
    await sqliteStore(path).close?.();
    await sqliteDeadLetters(path).close?.();
    const db = new Database(path);
    db.exec("UPDATE hooklatch_schema SET version = 99");
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.close();
    const before = readFileSync(path);
    expect(() => sqliteStore(path)).toThrow(expect.objectContaining({ code: "schema_newer" }));
    expect(() => sqliteDeadLetters(path)).toThrow(expect.objectContaining({ code: "schema_newer" }));
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("a newer schema, before the file is even made a WAL file, and no connection is left", async () => {
    const path = file("newer rollback.db");
    await sqliteStore(path).close?.();
    const db = new Database(path);
    db.pragma("journal_mode = DELETE");
    db.exec("UPDATE hooklatch_schema SET version = 99");
    db.close();
    const before = readFileSync(path);
    const close = vi.spyOn(Database.prototype, "close");
    expect(() => sqliteStore(path)).toThrow(expect.objectContaining({ code: "schema_newer" }));
    expect(close).toHaveBeenCalledOnce();
    close.mockRestore();
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test("an SQLite with the WAL-reset race", () => {
    for (const old of ["3.7.0", "3.50.4", "3.51.2"]) {
      expect(() => assertSqliteVersion(old)).toThrow(
        expect.objectContaining({ code: "store_version_unsupported" }),
      );
    }
    for (const good of ["3.51.3", "3.52.0", "4.0.0"]) expect(() => assertSqliteVersion(good)).not.toThrow();
  });

  test("a read-only database, a file that is no database, a missing directory, wrong options", async () => {
    const path = file("readonly.db");
    await sqliteStore(path).close?.();
    const readonly = new Database(path, { readonly: true });
    expect(() => sqliteStore(readonly)).toThrow(expect.objectContaining({ code: "store_unavailable" }));
    readonly.close();
    copyFileSync(new URL(import.meta.url), file("source.db"));
    expect(() => sqliteStore(file("source.db"))).toThrow(
      expect.objectContaining({ code: "store_unavailable" }),
    );
    const invalid = expect.objectContaining({ code: "invalid_option" });
    expect(() => sqliteStore(file("no/such/directory/x.db"))).toThrow(invalid);
    expect(() => sqliteStore(42 as never)).toThrow(invalid);
    expect(() => sqliteStore(readonly)).toThrow(invalid);
    expect(() => sqliteStore(path, { busyTimeout: 1 } as never)).toThrow(invalid);
    expect(() => sqliteStore(path, { busyTimeoutMs: -1 })).toThrow(invalid);
    expect(() => sqliteDeadLetters(path, { now: 1 as never })).toThrow(invalid);
  });
});

test("the tables live beside the app's own, in one file, with the dead letters", async () => {
  const path = file("shared.db");
  const app = new Database(path);
  app.exec("CREATE TABLE orders (id TEXT)");
  const store = sqliteStore(app);
  const letters = sqliteDeadLetters(app);
  await store.claim(claimOf("k"));
  expect(await letters.count()).toBe(0);
  app.prepare("INSERT INTO orders VALUES ('o')").run();
  const tables = app
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .pluck()
    .all();
  expect(tables.sort()).toEqual([
    "hooklatch_letter_facets",
    "hooklatch_letters",
    "hooklatch_operations",
    "hooklatch_replays",
    "hooklatch_schema",
    "orders",
  ]);
  app.close();
  await expect(store.claim(claimOf("k"))).rejects.toMatchObject({ code: "store_closed" });
});
