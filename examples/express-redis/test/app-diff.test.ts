/** What it takes to move the app from SQLite to Redis. The README shows it, and this is where it is kept true. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** The lines that differ, as `git diff` marks them. */
function diff(from: string, to: string): string[] {
  const args = ["diff", "--no-index", "--no-color", "--no-ext-diff", "--unified=0", path(from), path(to)];
  const { status, stdout, stderr } = spawnSync("git", args, { encoding: "utf8" });
  // 0: they are the same.
  expect(status, stderr).toBe(1);
  return stdout.split("\n").filter((line) => /^[+-](?![+-]{2} )/.test(line));
}

it("changes the imports, and how store and dead letters are made; nothing else", () => {
  const lines = diff("../../express-sqlite/src/app.ts", "../src/app.ts");
  console.log(lines.join("\n"));
  expect(lines).toEqual([
    '-import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";',
    '+import { redisDeadLetters, redisStore } from "@hooklatch/redis";',
    '+import { Redis } from "ioredis";',
    '+import { onError, onServer } from "./redis-log.js";',
    "-  const store = sqliteStore(database);",
    "-  const deadLetters = sqliteDeadLetters(database);",
    '+  const client = new Redis(database).on("error", onError);',
    "+  const store = redisStore(client, { onServer });",
    "+  const deadLetters = redisDeadLetters(client);",
    "+    client.disconnect();",
  ]);
  const [, shown] = /^```diff\n(.*?)^```$/ms.exec(readFileSync(path("../README.md"), "utf8")) ?? [];
  expect(shown).toBe(`${lines.join("\n")}\n`);
});
