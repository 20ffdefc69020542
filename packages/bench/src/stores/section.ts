/** The section of the stores in docs/benchmarks.md. */
import { aimsTable } from "../aims.js";
import { type Figure, spread } from "../figures.js";
import { type Row, type StoresResult, TURNS_AT } from "./run.js";
import { KINDS, type Kind, SUBJECTS, VERBS, type Verb } from "./subjects.js";
import { verdictsOf } from "./targets.js";

const NAMES: Record<Verb, string> = {
  claim: "claim of a new key",
  complete: "completion",
  pair: "claim and completion",
  duplicate: "a duplicate's claim",
};

const HEADINGS: Record<Kind, string> = { memory: "Memory", sqlite: "SQLite", redis: "Redis" };

export function sectionOf(result: StoresResult): string {
  const { rows, blocks, placement } = result;
  const kinds = KINDS.filter((kind) => rows.some(({ subject }) => SUBJECTS[subject].kind === kind));
  const turns = blocks.map(
    ({ subject, p99Ms, maxMs }) => `| ${SUBJECTS[subject].title} | ${ms(p99Ms)} | ${ms(maxMs)} |`,
  );
  return [
    "## The stores alone",
    "",
    `Events and results of 1 KiB, so many calls in flight at once, of which each is followed by the next as soon as it is answered. ` +
      `Beside each store stands what its driver can do at best with the same bytes, one command or one commit after the other, without leases, ` +
      `tokens, attempts or indexes. Redis keeps nothing on disk here. ${placementOf(placement)} × is the ratio of the rates in the same round; ` +
      `figures are medians of all rounds, with the lowest and the highest.`,
    ...kinds.flatMap((kind) => ["", `### ${HEADINGS[kind]}`, "", ...tableOf(rows, kind)]),
    ...(turns.length === 0
      ? []
      : [
          "",
          `How long the event loop is kept from turning, with ${TURNS_AT} in flight: what a timer or another request waits at most. ` +
            "A commit of a driver that works in the same thread is such a turn.",
          "",
          "| | 99 % of the time less than, ms | longest, ms |",
          "|---|---:|---:|",
          ...turns,
        ]),
    "",
    ...aimsTable(verdictsOf(result)),
    "",
  ].join("\n");
}

function tableOf(rows: readonly Row[], kind: Kind): string[] {
  const own = rows.filter(({ subject }) => SUBJECTS[subject].kind === kind);
  const floors = own.find(({ over }) => over.length > 0)?.over.map(({ floor }) => floor) ?? [];
  const head = ["", "in flight", "per second", "p50 ms", "p99 ms", "CPU µs"];
  head.push(...floors.map((floor) => `× ${SUBJECTS[floor].title}`));
  return [
    `| ${head.join(" | ")} |`,
    `|---|${head
      .slice(1)
      .map(() => "---:|")
      .join("")}`,
    ...VERBS.flatMap((verb) =>
      own
        .filter((row) => row.verb === verb && !SUBJECTS[row.subject].floor)
        .map((row) => {
          const cells = [
            NAMES[verb],
            row.inFlight,
            thousands(row.perSecond),
            ms(row.p50Ms),
            ms(row.p99Ms),
            row.cpuUs.median.toFixed(1),
            ...row.over.map(({ perSecond }) => spread(perSecond)),
          ];
          return `| ${cells.join(" | ")} |`;
        }),
    ),
  ];
}

function placementOf(placement: string): string {
  return `Where the processes run: ${placement}.`;
}

const thousands = ({ median }: Figure) => `${(median / 1000).toFixed(1)} k`;
const ms = ({ median }: Figure) => median.toFixed(median < 1 ? 2 : 1);
