// `pnpm chromium`: sees to it that the tests of the dashboard have a browser: the one on the PATH, or Debian's package. Where neither is to
// be had it fails, and says what to do.
import { spawnSync } from "node:child_process";
import { findChromium, WHERE_FROM } from "../packages/servers/src/find-chromium.mjs";
import { findOnPath } from "../packages/servers/src/find-redis.mjs";

if (findChromium() === undefined && findOnPath("apt-get", process.env.PATH) !== undefined) {
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"];
  apt([...sudo, "apt-get", "update"]);
  apt([
    ...sudo,
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "install",
    "-y",
    "--no-install-recommends",
    "chromium",
  ]);
}
const found = findChromium();
if (found === undefined) {
  console.error(`chromium: there is none. ${WHERE_FROM}`);
  process.exitCode = 1;
} else {
  console.log(`chromium: ${found}`);
}

/** @param {string[]} words */
function apt([command = "", ...args]) {
  console.log(`chromium: ${[command, ...args].join(" ")}`);
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", timeout: 600_000 });
  if (status !== 0) console.error(`${stdout ?? ""}${stderr ?? ""}`.trim().split("\n").slice(-6).join("\n"));
}
