import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { packageConfig } from "../../tsup.base.js";

// The page first: its script and style are part of the sources.
execFileSync(process.execPath, [fileURLToPath(new URL("./build-page.mjs", import.meta.url))], {
  stdio: "inherit",
});

export default packageConfig(["src/index.ts"]);
