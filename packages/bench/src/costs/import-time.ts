/** How long it takes to import each package, in a fresh process: what a start, above all a cold one, waits for. */
import { pathToFileURL } from "node:url";
import { type Figure, figureOf, interleave, ratioOf } from "../figures.js";
import { Worker } from "../process.js";
import type { Order, Timings } from "./imports-program.js";
import type { Published } from "./published.js";

interface ImportTime {
  name: string;
  /** With the core. */
  ms: Figure;
  /** Without it: it is there already where an app uses two packages of Hooklatch. */
  ownMs: Figure;
  /** Absent where the package goes with every framework. */
  beside?: { name: string; ms: Figure; ratio: Figure } | undefined;
}

export interface ImportTimes {
  /** Of `node:http`, for comparison. */
  httpMs: Figure;
  packages: ImportTime[];
}

interface Sample {
  httpMs: number;
  besideMs: number;
  coreMs: number;
  ownMs: number;
}

/** Of what was built. Those with a framework or a driver of their own are imported after it, as in an app. */
export async function importTimes(
  program: string,
  packages: readonly Published[],
  rounds: number,
): Promise<ImportTimes> {
  const imported = packages.filter(({ module }) => module !== undefined);
  const core = imported.find(({ name }) => name === "core");
  if (core === undefined) throw new Error("There is no core.");
  const measure = (one: Published) => importOnce(program, one, core);
  // The files are in the system's cache from now on.
  await interleave(imported, 1, measure);
  const found = await interleave(imported, rounds, measure);
  return {
    httpMs: figureOf([...found.values()].flat().map(({ httpMs }) => httpMs)),
    packages: [...found].map(([{ name, beside }, samples]) => {
      const all = samples.map(({ coreMs, ownMs }) => coreMs + ownMs);
      const besideMs = samples.map((sample) => sample.besideMs);
      return {
        name,
        ms: figureOf(all),
        ownMs: figureOf(samples.map(({ ownMs }) => ownMs)),
        beside:
          beside === undefined
            ? undefined
            : { name: beside, ms: figureOf(besideMs), ratio: ratioOf(all, besideMs) },
      };
    }),
  };
}

async function importOnce(program: string, one: Published, core: Published): Promise<Sample> {
  const worker = Worker.start("measured", program, []);
  try {
    const url = ({ module = "" }: Published) => pathToFileURL(module).href;
    const before = one.beside === undefined ? [] : [one.beside];
    const own = one === core ? [] : [url(one)];
    const { httpMs, ms } = await worker.ask<Timings>({
      modules: [...before, url(core), ...own],
    } satisfies Order);
    const [besideMs = 0, coreMs = 0, ownMs = 0] = before.length === 0 ? [0, ...ms] : ms;
    return { httpMs, besideMs, coreMs, ownMs };
  } finally {
    await worker.stop();
  }
}
