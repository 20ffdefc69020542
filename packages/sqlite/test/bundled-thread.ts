/** The thread's module for tests, which run on TypeScript: bundled from the sources, as Node cannot load those. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as threads from "node:worker_threads";
import { build } from "tsup";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Inside of the package, so that the driver is found. */
const cache = join(root, "node_modules", ".cache");

/** Every thread that was started. */
export const started: threads.Worker[] = [];

/** `node:worker_threads`, whose workers run the bundle, whatever module they are given. For `vi.mock`. */
export async function withBundledThread(real: typeof threads): Promise<typeof threads> {
  mkdirSync(cache, { recursive: true });
  const outDir = mkdtempSync(join(cache, "thread "));
  afterAll(() => rmSync(outDir, { recursive: true, force: true }));
  await build({
    entry: { thread: join(root, "src", "thread.ts") },
    outDir,
    outExtension: () => ({ js: ".mjs" }),
    format: "esm",
    target: "node20",
    noExternal: [/^(?!better-sqlite3)/],
    tsconfig: join(root, "tsconfig.json"),
    config: false,
    silent: true,
  });
  class BundledWorker extends real.Worker {
    constructor(_module: string | URL, options?: threads.WorkerOptions) {
      super(join(outDir, "thread.mjs"), options);
      started.push(this);
    }
  }
  return { ...real, Worker: BundledWorker };
}
