/** The package bundled from its sources, as it lies in `dist`: a thread, and a process without a loader, cannot run TypeScript. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as threads from "node:worker_threads";
import { build } from "tsup";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Inside of the package, so that the driver is found. */
const cache = join(root, "node_modules", ".cache");
mkdirSync(cache, { recursive: true });
const directory = mkdtempSync(join(cache, "thread "));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The module of the whole package. */
export const bundle = join(directory, "index.cjs");
/** Every thread that was started in this process. */
export const started: threads.Worker[] = [];

/** `node:worker_threads`, whose workers run the bundle, whatever program they are given. For `vi.mock`. */
export async function withBundledThread(real: typeof threads): Promise<typeof threads> {
  await build({
    entry: { index: join(root, "src", "index.ts"), thread: join(root, "src", "thread.ts") },
    outDir: directory,
    outExtension: () => ({ js: ".cjs" }),
    format: "cjs",
    target: "node20",
    splitting: true,
    shims: true,
    noExternal: [/^(?!better-sqlite3)/],
    external: ["better-sqlite3"],
    tsconfig: join(root, "tsconfig.json"),
    config: false,
    silent: true,
  });
  class BundledWorker extends real.Worker {
    constructor(_program: string | URL, options?: threads.WorkerOptions) {
      super(join(directory, "thread.cjs"), { ...options, eval: false });
      started.push(this);
    }
  }
  return { ...real, Worker: BundledWorker };
}
