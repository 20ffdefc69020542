/** Results as files: one for each part, with what they were measured on. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { placement } from "./process.js";

const folder = fileURLToPath(new URL("../results/", import.meta.url));

export interface Saved {
  /** ISO 8601. */
  date: string;
  rounds: number;
  share: number;
  machine: { cpu: string; cores: number; memoryGiB: number; node: string; redis: string; placement: string };
  result: unknown;
}

export function save(
  part: string,
  { rounds, share, result }: Pick<Saved, "rounds" | "share" | "result">,
): void {
  mkdirSync(folder, { recursive: true });
  const saved: Saved = { date: new Date().toISOString(), rounds, share, machine: machine(), result };
  writeFileSync(join(folder, `${part}.json`), `${JSON.stringify(saved, null, 1)}\n`);
}

export function load(part: string): Saved | undefined {
  const path = join(folder, `${part}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Saved) : undefined;
}

function machine(): Saved["machine"] {
  const all = cpus();
  return {
    cpu: all[0]?.model ?? "unknown",
    cores: all.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    redis: redisVersion(),
    placement,
  };
}

function redisVersion(): string {
  try {
    return (
      /v=(\S+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1] ?? "unknown"
    );
  } catch {
    return "the one that the tests install";
  }
}
