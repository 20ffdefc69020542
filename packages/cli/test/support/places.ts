/** A SQLite file and a place in Redis, each new, with what a test does to it directly. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeadLetterQueue, IdempotencyStore } from "@hooklatch/core";
import { redisDeadLetters, redisStore } from "@hooklatch/redis";
import { redisUrl } from "@hooklatch/servers";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import { Redis } from "ioredis";
import { afterAll } from "vitest";
import { bury, type Failure } from "./letters.js";

export interface TestPlace {
  /** The options that name it. */
  readonly at: readonly string[];
  readonly store: IdempotencyStore;
  readonly queue: DeadLetterQueue;
  bury(failure: Failure): Promise<string>;
}

/** A directory of this test file's own, gone at the end. */
export function scratch(): (name: string) => string {
  const directory = mkdtempSync(join(realpathSync(tmpdir()), "hooklatch files "));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  return (name) => join(directory, name);
}

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});

export function sqlitePlace(file: string): TestPlace {
  const [store, queue] = [sqliteStore(file), sqliteDeadLetters(file)];
  closing.push(
    () => store.close?.(),
    () => queue.close?.(),
  );
  return { at: ["--store", `sqlite:${file}`], store, queue, bury: (one) => bury(store, queue, one) };
}

export function redisPlace(): TestPlace {
  const url = redisUrl() ?? "";
  const prefix = `test-${randomUUID()}`;
  const client = new Redis(url);
  client.on("error", () => {});
  const [store, queue] = [redisStore(client, { prefix }), redisDeadLetters(client, { prefix })];
  closing.push(async () => {
    for (let cursor = "0"; ; ) {
      const [next, keys] = await client.scan(cursor, "MATCH", `*${prefix}*`, "COUNT", 1_000);
      if (keys.length > 0) await client.unlink(...keys);
      cursor = next;
      if (cursor === "0") break;
    }
    client.disconnect();
  });
  return { at: ["--store", url, "--prefix", prefix], store, queue, bury: (one) => bury(store, queue, one) };
}
