/** Prefixes of this file's own; on the shared server nothing is left under them. */
import { randomUUID } from "node:crypto";
import { redisUrl } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { afterAll } from "vitest";

const FILE = `test-${randomUUID()}`;
let spaces = 0;

export function prefixOf(space: string): string {
  return `${FILE}-${space}`;
}

export function newPrefix(): string {
  return prefixOf(String(++spaces));
}

afterAll(async () => {
  const url = redisUrl();
  if (url === undefined) return;
  for (const db of [0, 3]) await forget(new Redis(url, { db }));
});

async function forget(client: Redis): Promise<void> {
  for (let cursor = "0"; ; ) {
    const [next, keys] = await client.scan(cursor, "MATCH", `*${FILE}-*`, "COUNT", 1_000);
    if (keys.length > 0) await client.unlink(...keys);
    cursor = next;
    if (cursor === "0") break;
  }
  await client.quit();
}
