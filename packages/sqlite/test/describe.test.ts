/** What `describe` says: the settings as they are at the moment of the call, and what follows from them. */
import type { IdempotencyStore, StoreDescription } from "@hooklatch/core";
import { sqliteStore } from "@hooklatch/sqlite";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { claimOf, scratch } from "./support.js";

const file = scratch("describe");
const KILL = "the process is killed";
const POWER = "the operating system crashes, or the machine loses its power";
const DISK = "the disk is lost";

async function described(store: IdempotencyStore): Promise<StoreDescription> {
  return (await store.describe?.()) ?? expect.unreachable();
}
const promised = ({ promises }: StoreDescription) =>
  Object.fromEntries(promises.map(({ when, keeps }) => [when, keeps]));

test("a file: everything but the loss of the disk is survived, and there is nothing to change", async () => {
  const path = file("own.db");
  const store = sqliteStore(path);
  await store.claim(claimOf("k"));
  const { kind, facts, warnings, ...rest } = await described(store);
  expect({ kind, warnings }).toEqual({ kind: "sqlite", warnings: [] });
  expect(promised({ kind, facts, warnings, ...rest })).toEqual({
    [KILL]: "everything",
    [POWER]: "everything",
    [DISK]: "nothing",
  });
  const version = new Database(":memory:").prepare("SELECT sqlite_version()").pluck().get();
  expect(facts).toMatchObject({ version, file: path, journal_mode: "wal", synchronous: "FULL" });
  const before = Number(facts.wal_bytes);
  expect(before).toBeGreaterThan(0);
  await store.claim(claimOf("large", { event: new Uint8Array(100_000) }));
  const after = (await described(store)).facts;
  expect(Number(after.wal_bytes)).toBeGreaterThanOrEqual(before + 100_000);
  expect(Number(after.size_bytes)).toBeGreaterThanOrEqual(Number(facts.size_bytes) + 90_000);
  await store.close?.();
  await expect(store.describe?.()).rejects.toMatchObject({ code: "store_closed" });
});

test.each([":memory:", ""])("%j, in memory or temporary, keeps nothing, and says so", async (path) => {
  const store = sqliteStore(path);
  const description = await described(store);
  expect(promised(description)).toEqual({ [KILL]: "nothing" });
  expect(description.facts.file).toMatch(/^none/);
  expect(description.warnings).toEqual([expect.stringMatching(/^Pass the path of a file/)]);
  await store.close?.();
});

test("an app's own connection: its settings are read at each call", async () => {
  const db = new Database(file("given.db"));
  db.defaultSafeIntegers(true);
  const store = sqliteStore(db);
  const now = async () => {
    const description = await described(store);
    const { journal_mode, synchronous } = description.facts;
    const { [KILL]: kill, [POWER]: power } = promised(description);
    return { settings: `${journal_mode} ${synchronous}`, kill, power, warnings: description.warnings.length };
  };
  expect(await now()).toEqual({ settings: "wal FULL", kill: "everything", power: "everything", warnings: 0 });
  db.pragma("synchronous = NORMAL");
  expect(await now()).toEqual({ settings: "wal NORMAL", kill: "everything", power: "most", warnings: 1 });
  expect((await described(store)).warnings[0]).toMatch(/^Set synchronous back to FULL: .* has NORMAL/);
  db.pragma("synchronous = OFF");
  expect(await now()).toEqual({ settings: "wal OFF", kill: "everything", power: "unknown", warnings: 1 });
  db.pragma("synchronous = EXTRA");
  expect(await now()).toEqual({
    settings: "wal EXTRA",
    kill: "everything",
    power: "everything",
    warnings: 0,
  });
  db.pragma("journal_mode = DELETE");
  expect(await now()).toMatchObject({ settings: "delete EXTRA", power: "everything", warnings: 1 });
  expect((await described(store)).warnings[0]).toMatch(/^Set journal_mode back to WAL: it is delete/);
  db.pragma("synchronous = FULL");
  expect(await now()).toMatchObject({ settings: "delete FULL", kill: "everything", power: "most" });
  db.pragma("journal_mode = MEMORY");
  expect(await now()).toMatchObject({ settings: "memory FULL", kill: "unknown", power: "unknown" });
  db.close();
});
