/** The section of growth in docs/benchmarks.md. */
import { aimsTable } from "../aims.js";
import { type Figure, spread } from "../figures.js";
import type { GrowthResult } from "./run.js";
import { verdictsOf } from "./targets.js";

export function sectionOf(result: GrowthResult): string {
  const { records, bodies, processes } = result;
  return [
    "## Growth",
    "",
    "### With the records kept",
    "",
    "Completed operations of one scope with results of 200 bytes. Medians of one claim with its completion, and of one duplicate of any of " +
      "them, at one in flight. × is over the store with the fewest records, in the same round.",
    "",
    "| | records | claim and completion, ms | × | duplicate, ms | × | bytes each |",
    "|---|---:|---:|---:|---:|---:|---:|",
    ...records.map((one) => {
      const figures = [ms(one.pairMs), spread(one.pair), ms(one.duplicateMs), spread(one.duplicate)];
      return `| ${one.store} | ${thousands(one.records)} | ${figures.join(" | ")} | ${one.bytesPerRecord} |`;
    }),
    "",
    "### With the body",
    "",
    "A claim with an event, and its completion with a result as long, at one in flight. × is over the driver's own commands with the same " +
      "bytes. The last column is the cost of each byte above 1 KiB.",
    "",
    "| | event and result, KiB | both, ms | × the driver alone | ns a byte |",
    "|---|---:|---:|---:|---:|",
    ...bodies.map(({ store, kib, pairMs, over, nsPerByte }) => {
      const figures = [
        ms(pairMs),
        over === undefined ? "" : spread(over),
        kib === 1 ? "" : nsPerByte.toFixed(2),
      ];
      return `| ${store} | ${kib} | ${figures.join(" | ")} |`;
    }),
    "",
    "### With the processes",
    "",
    "Claims with their completions, events and results of 1 KiB, by processes that share one file or one server and have 16 in flight each. " +
      "× is the rate of all together over that of one, in the same round. The p99 is that of the process for which it was longest.",
    "",
    "| | processes | together, per second | × one process | p99, ms |",
    "|---|---:|---:|---:|---:|",
    ...processes.map(({ store, processes: count, perSecond, overOne, p99Ms }) => {
      const figures = [`${thousands(perSecond.median)}`, spread(overOne), ms(p99Ms)];
      return `| one ${store === "redis" ? "Redis" : "SQLite file"} | ${count} | ${figures.join(" | ")} |`;
    }),
    "",
    ...aimsTable(verdictsOf(result)),
    "",
  ].join("\n");
}

function thousands(value: number): string {
  return value < 1_000 ? value.toFixed(0) : `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)} k`;
}

const ms = ({ median }: Figure) => median.toFixed(median < 1 ? 3 : 1);
