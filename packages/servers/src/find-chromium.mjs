// Finds a Chromium for the tests of pages. Plain JavaScript: `pnpm chromium` runs it without a build, and tests import it.
import { findOnPath } from "./find-redis.mjs";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

export const WHERE_FROM =
  "Install Chromium, so that it is on the PATH (`apt-get install chromium`), or set CHROMIUM_PATH to a Chrome or Chromium.";

/** The one that CHROMIUM_PATH names, or else the first on the PATH. @returns {string | undefined} */
export function findChromium() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  for (const name of NAMES) {
    const file = findOnPath(name, process.env.PATH);
    if (file !== undefined) return file;
  }
  return undefined;
}
