/** docs/benchmarks.md, from the results that were saved. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Part } from "./part.js";
import { load } from "./results.js";

const page = fileURLToPath(new URL("../../../docs/benchmarks.md", import.meta.url));
/** What people write stands before it, what is measured behind. */
const MARK = "<!-- Everything below is written by `pnpm bench page`. -->";

export function writePage(parts: readonly Part<unknown>[]): void {
  const [written = ""] = readFileSync(page, "utf8").split(MARK);
  const sections = parts.flatMap((part) => {
    const saved = load(part.name);
    if (saved === undefined) return [];
    const { date, rounds, share, machine } = saved;
    const { cpu, cores, node, redis, placement } = machine;
    const when = `${date.slice(0, 10)}, ${rounds} rounds${share === 1 ? "" : `, ${share} of the usual amount of work in each`}`;
    const where = `${cores} × ${cpu}, Node ${node.slice(1)}, Redis ${redis}; ${placement}`;
    return [`${part.section(saved.result).trim()}\n\nMeasured on ${when}: ${where}.`];
  });
  writeFileSync(page, `${written}${MARK}\n\n${sections.join("\n\n")}\n`);
}
