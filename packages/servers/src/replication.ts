import { type Address, askInfo } from "./resp.js";

/** Settings of a master: otherwise a new replica gets its data only 5 s after it has asked. */
export const REPLICATE_AT_ONCE = ["repl-diskless-sync yes", "repl-diskless-sync-delay 0"];

/** Whether a master has so many replicas that have all its data. */
export async function hasReplicas(master: Address, count: number): Promise<boolean> {
  const info = await askInfo(master, ["INFO", "replication"]);
  const online = [...info].filter(
    ([name, value]) => /^slave\d+$/.test(name) && value.includes("state=online"),
  );
  return online.length === count;
}
