// Takes the pictures of docs/dashboard.md again: docs/images/dashboard-*.png. It needs a Chromium: `pnpm chromium`.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = new URL("..", import.meta.url);
// A dependency of packages/servers, not of the root.
const loader = createRequire(new URL("packages/servers/package.json", root)).resolve("tsx");
const { status } = spawnSync(
  process.execPath,
  [
    "--import",
    pathToFileURL(loader).href,
    fileURLToPath(new URL("packages/dashboard/test/browser/screenshots.ts", root)),
  ],
  {
    stdio: "inherit",
    env: { ...process.env, TSX_TSCONFIG_PATH: fileURLToPath(new URL("tsconfig.json", root)) },
  },
);
process.exit(status ?? 1);
