/** Counts what a client sends to a Redis server, as the server's MONITOR shows it. */
import { randomUUID } from "node:crypto";
import { redisStore } from "@hooklatch/redis";
import { Redis } from "ioredis";
import type { Counts, Meter } from "./calls.js";

/** `url`: of a server that nobody else uses. */
export function redisMeter(url: string): Meter {
  const client = new Redis(url);
  return {
    store: redisStore(client, { prefix: randomUUID() }),
    during: (act) => commandsDuring(url, act),
    async stop() {
      client.disconnect();
    },
  };
}

/** What scripts call does not count, because it is no round trip; nor does the question by which the end is known. */
async function commandsDuring(url: string, act: () => Promise<unknown>): Promise<Counts> {
  const watcher = new Redis(url);
  const monitor = await watcher.monitor();
  const marker = randomUUID();
  const seen: Record<string, number> = {};
  const ended = new Promise<void>((resolve) => {
    monitor.on("monitor", (_time: string, [name = "", first]: string[], source: string) => {
      if (first === marker) resolve();
      else if (source !== "lua") seen[name.toLowerCase()] = (seen[name.toLowerCase()] ?? 0) + 1;
    });
  });
  try {
    await act();
    await watcher.echo(marker);
    await ended;
    return seen;
  } finally {
    monitor.disconnect();
    watcher.disconnect();
  }
}
