/** Measures what a request, and the packages, cost other than time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@hooklatch/servers";
import { bundle } from "../bundle.js";
import type { PartOptions } from "../part.js";
import { buildPackages } from "./build.js";
import { type BundledSize, bundledSize } from "./bundled-size.js";
import { type Calls, callsOf, type Meter } from "./calls.js";
import { ENGINES } from "./engines.js";
import { footprints } from "./footprints.js";
import { type ImportTimes, importTimes } from "./import-time.js";
import { type InstalledSize, installedSize } from "./installed-size.js";
import type { Footprint } from "./program.js";
import { published } from "./published.js";
import { redisMeter } from "./redis-meter.js";
import { sqliteMeter } from "./sqlite-meter.js";

/** At `share` 1. */
const OPERATIONS = 4_000;

export interface CostsResult {
  redis: Calls[];
  sqlite: Calls[];
  footprints: Footprint[];
  imports: ImportTimes;
  sizes: ({ name: string; own: BundledSize; all: BundledSize } & InstalledSize)[];
}

export async function measureCosts({ rounds, share, log }: PartOptions): Promise<CostsResult> {
  log("costs: what is asked of the stores");
  const { redis, sqlite } = await calls();
  log("costs: memory and timers");
  const operations = Math.max(500, Math.round(share * OPERATIONS));
  const found = await footprints({ operations }, "measured");
  log("costs: the packages");
  buildPackages();
  const packages = published();
  const sizes = [];
  for (const one of packages) {
    const [own, all] = [await bundledSize(one, "own"), await bundledSize(one, "all")];
    sizes.push({ name: one.name, own, all, ...installedSize(one) });
  }
  const { imports } = await bundle();
  return {
    redis,
    sqlite,
    footprints: found,
    imports: await importTimes(imports, packages, rounds),
    sizes,
  };
}

async function calls(): Promise<{ redis: Calls[]; sqlite: Calls[] }> {
  const folder = mkdtempSync(join(tmpdir(), "hooklatch bench "));
  const server = await startRedis();
  const of = async (open: (engine: string) => Meter): Promise<Calls[]> => {
    const found: Calls[] = [];
    for (const engine of ENGINES) {
      const meter = open(engine);
      try {
        found.push(await callsOf(meter, engine));
      } finally {
        await meter.stop();
      }
    }
    return found;
  };
  try {
    return {
      redis: await of(() => redisMeter(server.url)),
      sqlite: await of((engine) => sqliteMeter(join(folder, `${engine}.db`))),
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
