import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run on the sources, like the type check (tsconfig.base.json); `pnpm test:packages` covers what is shipped.
    alias: [
      { find: /^@hooklatch\/core\/(life|node|web)$/, replacement: source("core/src/$1.ts") },
      {
        find: /^@hooklatch\/(core|dashboard|express|fastify|fetch|hono|redis|servers|sqlite|testing)$/,
        replacement: source("$1/src/index.ts"),
      },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts"],
    // One Redis for all of them: REDIS_URL, or one that is started.
    globalSetup: source("servers/src/vitest-redis.ts"),
    pool: "forks",
    // Vitest would take half of the cores. Most tests here wait for a lease, a process or a server rather than compute.
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
