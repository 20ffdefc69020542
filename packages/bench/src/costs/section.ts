/** The section of the costs in docs/benchmarks.md. */
import type { Figure } from "../figures.js";
import { AT_ONCE, type Calls, type Counts, ONE_BY_ONE } from "./calls.js";
import { HEAP_VARIES_BY } from "./footprints.js";
import type { CostsResult } from "./run.js";

export function sectionOf(result: CostsResult): string {
  return [
    "## What a request costs besides time",
    "",
    "Most of it is counted rather than timed, and about the same on every machine; the tests of packages/bench keep commands, commits, memory, timers and " +
      "bundles from growing unseen. Bodies and results are 1 KiB, and the engine is asked without a framework around it. The worker's polls are its own, and not among them.",
    "",
    ...storeLines(result),
    "",
    ...footprintLines(result),
    "",
    ...importLines(result),
    "",
    ...sizeLines(result),
    "",
  ].join("\n");
}

function storeLines({ redis, sqlite }: CostsResult): string[] {
  const kinds = [
    { duplicate: false, title: "new request" },
    { duplicate: true, title: "duplicate" },
  ];
  const rows = (list: readonly Calls[], cells: (alone: Counts, atOnce: Counts) => string[]) =>
    list.flatMap((calls) =>
      kinds.map(({ duplicate, title }) => {
        const { oneByOne, atOnce } = duplicate ? calls.duplicate : calls.new;
        return rowOf([`\`${calls.engine}\`, ${title}`, ...cells(oneByOne, atOnce)]);
      }),
    );
  return [
    "### Round trips and commits",
    "",
    "Commands that reach a Redis server, which are as many round trips: what a script calls there is none. Requests that arrive together share them.",
    "",
    ...headOf(["", "commands for one", `for ${AT_ONCE} at once`, "commands per request then"]),
    ...rows(redis, (alone, atOnce) => [
      per(total(alone), ONE_BY_ONE),
      String(total(atOnce)),
      per(total(atOnce), AT_ONCE),
    ]),
    "",
    "Transactions of SQLite, each of which is one `fsync`, and the statements that read or write rows.",
    "",
    ...headOf([
      "",
      "transactions for one",
      `for ${AT_ONCE} at once`,
      "statements for one",
      "statements per request then",
    ]),
    ...rows(sqlite, (alone, atOnce) => [
      per(alone.COMMIT ?? 0, ONE_BY_ONE),
      String(atOnce.COMMIT ?? 0),
      per(statements(alone), ONE_BY_ONE),
      per(statements(atOnce), AT_ONCE),
    ]),
  ];
}

function footprintLines({ footprints }: CostsResult): string[] {
  return [
    "### Memory and timers",
    "",
    "Of the engine, on a store that keeps nothing: what it allocates on the JavaScript heap for a request beyond the request itself (sampled, garbage " +
      "included), how many timers it makes, one request after the other, and what the heap has grown by after many, when the garbage is gone: " +
      `none where that is less than the ${kb(HEAP_VARIES_BY)} KB by which it varies by itself.`,
    "",
    ...headOf(["", "KB per request", "timers", "growth, KB"]),
    ...footprints.map(({ engine, duplicate, bytes, timers, operations, grownBytes }) =>
      rowOf([
        `\`${engine}\`, ${duplicate ? "duplicate" : "new request"}`,
        kb(bytes),
        `${timers} in ${thousands(operations)}`,
        `${grownBytes < HEAP_VARIES_BY ? "none" : kb(grownBytes)} in ${thousands(10 * operations)}`,
      ]),
    ),
  ];
}

function importLines({ imports }: CostsResult): string[] {
  return [
    "### Starting",
    "",
    "How long `import()` takes in a fresh process, as published, with the files in the system's cache. A package that belongs to a framework or a driver is " +
      `imported after it, as in an app, and takes \`@hooklatch/core\` with it. For comparison: \`node:http\` takes ${ms(imports.httpMs)} ms.`,
    "",
    ...headOf(["", "ms", "without core", "its framework or driver", "ms", "ratio"]),
    ...imports.packages.map(({ name, ms: all, ownMs, beside }) => {
      const cells =
        beside === undefined ? ["", "", ""] : [beside.name, ms(beside.ms), beside.ratio.median.toFixed(2)];
      return rowOf([`\`@hooklatch/${name}\``, ms(all), name === "core" ? "" : ms(ownMs), ...cells]);
    }),
  ];
}

function sizeLines({ sizes }: CostsResult): string[] {
  return [
    "### Size",
    "",
    "In a bundle (minified; gzipped), alone and with the parts of `@hooklatch/core` that it uses; in the registry; and installed, with the dependencies it brings. Frameworks and drivers " +
      "are the app's own. Tarballs carry declarations and source maps for ES modules and CommonJS.",
    "",
    ...headOf([
      "",
      "bundled alone, KB",
      "with core, KB",
      "tarball, KB",
      "unpacked, KB",
      "dependencies",
      "their KB",
    ]),
    ...sizes.map(({ name, own, all, packed, unpacked, dependencies, dependencyBytes }) =>
      rowOf([
        `\`@hooklatch/${name}\``,
        `${kb(own.minified)}; ${kb(own.gzipped)}`,
        `${kb(all.minified)}; ${kb(all.gzipped)}`,
        kb(packed),
        kb(unpacked),
        String(dependencies),
        kb(dependencyBytes),
      ]),
    ),
  ];
}

/** The first column names what the others count. */
const headOf = (cells: readonly string[]) => [rowOf(cells), `|---|${"---:|".repeat(cells.length - 1)}`];
const rowOf = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;

const total = (counts: Counts) => Object.values(counts).reduce((sum, times) => sum + times, 0);
const statements = ({ SELECT = 0, INSERT = 0, UPDATE = 0, DELETE = 0 }: Counts) =>
  SELECT + INSERT + UPDATE + DELETE;

const per = (count: number, requests: number) => String(Number((count / requests).toFixed(2)));
const kb = (bytes: number) => (bytes / 1000).toFixed(bytes < 100_000 ? 1 : 0);
const ms = ({ median, low, high }: Figure) => `${median.toFixed(1)} (${low.toFixed(1)}–${high.toFixed(1)})`;
const thousands = (count: number) => count.toLocaleString("en");
