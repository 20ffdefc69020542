import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import { deadLetterContract, storeContract } from "@hooklatch/testing";
import { afterAll, describe, it } from "vitest";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const directory = mkdtempSync(join(tmpdir(), "hooklatch sqlite contract "));
afterAll(() => rmSync(directory, { recursive: true }));
const file = (space: string): string => join(directory, `${space}.db`);

describe("sqliteStore keeps the store contract", () => {
  const clocks = new Map<string, number>();
  const cases = storeContract({
    open: (space) => sqliteStore(file(space), { now: () => Date.now() + (clocks.get(space) ?? 0) }),
    advance: (ms, space) => void clocks.set(space, (clocks.get(space) ?? 0) + ms),
  });
  for (const { name, run } of cases) it(name, run);
});

describe("sqliteStore keeps it on the real clock, and with several processes", () => {
  const module = fileURLToPath(new URL("./fixtures/open-store.mjs", import.meta.url));
  const cases = storeContract({
    open: (space) => sqliteStore(file(`real ${space}`)),
    child: (space) => ({ module, argument: file(`real ${space}`), execArgv: ["--import", tsx] }),
  });
  for (const { name, run } of cases) it(name, run);
});

describe("sqliteStore keeps it in memory", () => {
  const clocks = new Map<string, number>();
  const stores = new Map<string, ReturnType<typeof sqliteStore>>();
  const cases = storeContract({
    sharedConnection: true,
    open(space) {
      const store =
        stores.get(space) ?? sqliteStore(":memory:", { now: () => Date.now() + (clocks.get(space) ?? 0) });
      stores.set(space, store);
      return store;
    },
    advance: (ms, space) => void clocks.set(space, (clocks.get(space) ?? 0) + ms),
  });
  for (const { name, run } of cases) it(name, run);
});

describe("sqliteDeadLetters keeps the dead-letter contract", () => {
  for (const { name, run } of deadLetterContract({
    open: (space, limits) => sqliteDeadLetters(file(`letters ${space}`), limits),
  }))
    it(name, run);
});
