import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { type Context, examples, type Runs } from "../context.js";
import { EXIT, usage } from "../exit.js";
import { countsShape, type Overview, overviewOf, type ScopeCounts } from "../overview.js";
import type { Session } from "../session.js";
import { type Column, table } from "../table.js";
import { since } from "../times.js";

interface StatsOptions {
  scope?: string;
  watch?: boolean;
}

const EVERY_MS = 2_000;
const STATES = ["running", "waiting", "completed", "dead", "released", "unsettled"] as const;
const COLUMNS: Column[] = [
  { title: "SCOPE", least: 8 },
  ...[...STATES, "letters"].map((name) => ({ title: name.toUpperCase(), right: true })),
  { title: "OLDEST WAITING" },
];

export function addStats(program: Command, runs: Runs): void {
  const command = program
    .command("stats")
    .description("How many operations are in which state, and how many letters there are, by scope.")
    .option("--scope <name>", "only of this scope")
    .option("--watch", "every 2 seconds, until Ctrl-C; on a terminal")
    .action(runs(statsCommand));
  examples(
    command,
    "hooklatch stats --store redis://localhost:6379/0",
    "hooklatch stats --scope orders --watch",
  );
}

async function statsCommand({ session, place, options }: Context<StatsOptions>): Promise<number> {
  const { scope, watch } = options;
  if (watch && (session.json || !session.onTerminal)) throw usage("--watch needs a terminal, and no --json.");
  if (!watch) {
    const overview = await overviewOf(place, scope);
    if (session.json) session.result(shapeOf(overview));
    else session.out(textOf(session, overview));
    return EXIT.done;
  }
  session.finishes();
  while (!session.interrupted.aborted) {
    const text = textOf(session, await overviewOf(place, scope));
    process.stdout.write("\u001b[H\u001b[2J");
    session.out(`${text}\n\nEvery ${EVERY_MS / 1_000} s. Ctrl-C ends it.`);
    await sleep(EVERY_MS, undefined, { signal: session.interrupted }).catch(() => {});
  }
  return EXIT.interrupted;
}

function shapeOf({ scopes, total }: Overview) {
  return {
    scopes: scopes.map(({ scope, counts }) => ({ scope, ...countsShape(counts) })),
    total: countsShape(total),
  };
}

function textOf({ colours, width }: Session, { scopes, total, untold }: Overview): string {
  const row = (name: string, counts: ScopeCounts) => [
    name,
    ...STATES.map((state) => String(counts[state])),
    counts.letters === undefined ? "-" : String(counts.letters),
    counts.oldestWaitingAt === undefined ? "" : since(counts.oldestWaitingAt),
  ];
  const rows = scopes.map(({ scope, counts }) => row(scope, counts));
  if (scopes.length !== 1) rows.push(row("(all)", total));
  const drawn = table(COLUMNS, rows, width, colours.bold);
  return untold ? `${drawn}\n\nThis store does not tell its scopes: see --scope.` : drawn;
}
