import { type DeadLetter, letterPages } from "@hooklatch/core";
import type { Command } from "commander";
import { lettersOf } from "../bulk.js";
import { type Context, examples, type Runs } from "../context.js";
import { EXIT, usage } from "../exit.js";
import { addFilterOptions, type FilterOptions, filterOf, readCount, TIMES_HELP } from "../filter-options.js";
import { SHORT_ID } from "../letter-ids.js";
import type { Session } from "../session.js";
import { type StateNow, summaryShape } from "../shapes.js";
import { stateOf } from "../states.js";
import { type Column, table } from "../table.js";
import { since } from "../times.js";

interface ListOptions extends FilterOptions {
  limit?: number;
  cursor?: string;
  all?: boolean;
}

const LIMIT = 50;

export function addList(dlq: Command, runs: Runs): void {
  const command = dlq.command("list").description("Dead letters, the newest arrival first.");
  addFilterOptions(command)
    .option("--limit <count>", `at most so many, 1 to 1000 (default: ${LIMIT})`, readCount(1, 1_000))
    .option("--cursor <place>", "the next page: the cursor that the last one ended with")
    .option("--all", "every page")
    .action(runs(listCommand));
  examples(
    command,
    "hooklatch dlq list --store sqlite:events.db",
    "hooklatch dlq list --scope orders --error TimeoutError --arrived-after 2h",
    "hooklatch dlq list --text 'card declined' --all --json",
  ).addHelpText("after", TIMES_HELP);
}

async function listCommand({ session, place, options }: Context<ListOptions>): Promise<number> {
  const { all, limit, cursor } = options;
  if (all && limit !== undefined) throw usage("Say either --limit or --all.");
  const filter = filterOf(options);
  const queue = await place.deadLetters();
  const rows: Row[] = [];
  let nextCursor: string | undefined;
  const add = async (letters: readonly DeadLetter[]): Promise<void> => {
    const states = await Promise.all(letters.map((letter) => stateOf(place, letter)));
    // Without the events, which are not shown: there may be many letters.
    rows.push(...letters.map((letter, n) => rowOf(letter, states[n] ?? "unknown")));
  };
  if (all) {
    for await (const { letters } of letterPages(queue, filter, cursor)) await add(letters);
  } else {
    const page = await queue.list({ ...filter, limit: limit ?? LIMIT, cursor });
    await add(page.letters);
    nextCursor = page.nextCursor;
  }
  if (session.json) {
    session.result({ letters: rows.map(({ shape }) => shape), nextCursor: nextCursor ?? null });
    return EXIT.done;
  }
  if (rows.length === 0) {
    session.out("No dead letters.");
    return EXIT.done;
  }
  session.out(tableOf(session, rows));
  const total = nextCursor === undefined && cursor === undefined ? rows.length : await queue.count(filter);
  session.out("");
  session.out(
    nextCursor === undefined
      ? lettersOf(total)
      : `${rows.length} of ${lettersOf(total)}. The next ones: --cursor ${nextCursor}`,
  );
  return EXIT.done;
}

interface Row {
  shape: ReturnType<typeof summaryShape>;
  failedAt: number;
}

function rowOf(letter: DeadLetter, state: StateNow): Row {
  return { shape: summaryShape(letter, state), failedAt: letter.diedAt };
}

function tableOf({ colours, width }: Session, rows: readonly Row[]): string {
  const hasTenants = rows.some(({ shape }) => shape.tenant !== undefined);
  const columns: Column[] = [
    { title: "ID" },
    { title: "SCOPE", least: 6 },
    ...(hasTenants ? [{ title: "TENANT", least: 6 }] : []),
    { title: "KEY", least: 8 },
    { title: "ERROR", least: 16 },
    { title: "ROUNDS", right: true },
    { title: "FAILED" },
    { title: "STATE" },
  ];
  const cells = rows.map(({ shape, failedAt }) => [
    { text: shape.id.slice(0, SHORT_ID), paint: colours.cyan },
    shape.scope,
    ...(hasTenants ? [shape.tenant ?? ""] : []),
    `${shape.key}${shape.edited ? " (edited)" : ""}`,
    `${shape.error.code ?? shape.error.name}: ${shape.error.message}`,
    String(shape.rounds),
    since(failedAt),
    { text: shape.state, paint: shape.state === "dead" ? colours.red : colours.yellow },
  ]);
  return table(columns, cells, width, colours.bold);
}
