import { redisUrl } from "@hooklatch/servers";
import { describe, vi } from "vitest";
import type { Backend } from "../src/backend.js";
import { freshPrefix } from "../src/backends/redis.js";

// Tests wait for leases and processes more than they work: as many at once as two cores can take.
vi.setConfig({ maxConcurrency: 8 });

/** Gives an empty place at each call; `undefined`: what a rig has by itself. */
export type Fresh = () => Backend | undefined;

/** Defines the same tests for SQLite and for Redis. They run at the same time: what they do most is wait. */
export function onEachBackend(define: (fresh: Fresh) => void): void {
  const url = redisUrl();
  describe("sqlite", { concurrent: true }, () => define(() => undefined));
  describe.skipIf(url === undefined)("redis", { concurrent: true }, () => {
    define(() => ({ kind: "redis", urls: [url ?? ""], prefix: freshPrefix() }));
  });
}
