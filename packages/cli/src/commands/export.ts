import { once } from "node:events";
import { createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import type { Writable } from "node:stream";
import { type DeadLetter, letterPages, letterToLine } from "@hooklatch/core";
import type { Command } from "commander";
import { lettersOf } from "../bulk.js";
import { type Context, examples, type Runs } from "../context.js";
import { CliError, EXIT, usage } from "../exit.js";
import { addFilterOptions, type FilterOptions, filterOf, readCount, TIMES_HELP } from "../filter-options.js";
import { harmlessLine } from "../harmless.js";
import { createProgress } from "../progress.js";

interface ExportOptions extends FilterOptions {
  out?: string;
  force?: boolean;
  limit?: number;
  cursor?: string;
}

export function addExport(dlq: Command, runs: Runs): void {
  const command = dlq
    .command("export")
    .description("Dead letters as JSON lines, whole, with their events: all of them, or those of a filter.");
  addFilterOptions(command)
    .option("--out <file>", "into this file, which only you can read (default: stdout)")
    .option("--force", "even if the file is there")
    .option("--all", "every letter, which is what happens without a filter, too")
    .option("--limit <count>", "only the newest so many", readCount(1))
    .option("--cursor <place>", "only what comes after this cursor of `list`")
    .action(runs(exportCommand));
  examples(
    command,
    "hooklatch dlq export --store sqlite:events.db --out letters.jsonl",
    "hooklatch dlq export --scope orders | jq -r .key",
  ).addHelpText("after", TIMES_HELP);
}

async function exportCommand(context: Context<ExportOptions>): Promise<number> {
  const { session, options } = context;
  const { out, force } = options;
  if (session.json && out === undefined)
    throw usage("An export is JSON lines, not one object: with --json say --out FILE.");
  if (out === undefined) {
    const { count, interrupted } = await exportTo(context, process.stdout);
    session.note(interrupted ? `Interrupted after ${lettersOf(count)}.` : lettersOf(count));
    return interrupted ? EXIT.interrupted : EXIT.done;
  }
  if (!force && existsSync(out)) throw new CliError("file_exists", `${out} is there already: see --force.`);
  const partial = `${out}.${process.pid}.partial`;
  const forget = context.session.atExit(() => rmSync(partial, { force: true }));
  const file = createWriteStream(partial, { mode: 0o600, flags: "wx" });
  try {
    await once(file, "open");
    const { count, interrupted } = await exportTo(context, file);
    file.end();
    await once(file, "close");
    if (interrupted)
      throw new CliError("interrupted", `Interrupted: ${out} was not written.`, EXIT.interrupted);
    renameSync(partial, out);
    if (session.json) session.result({ letters: count, file: out });
    else session.out(`Exported ${lettersOf(count)} to ${out}.`);
    return EXIT.done;
  } finally {
    file.destroy();
    rmSync(partial, { force: true });
    forget();
  }
}

async function exportTo(
  { session, place, options }: Context<ExportOptions>,
  to: Writable,
): Promise<{ count: number; interrupted: boolean }> {
  const { limit = Number.POSITIVE_INFINITY, cursor } = options;
  const queue = await place.deadLetters();
  session.finishes();
  const progress = createProgress("Exported");
  let count = 0;
  for await (const { letters } of letterPages(queue, filterOf(options), cursor)) {
    const some = letters.slice(0, limit - count);
    const text = some.map((letter: DeadLetter) => `${harmlessLine(letterToLine(letter))}\n`).join("");
    if (!to.write(text)) await once(to, "drain");
    count += some.length;
    progress.at(count);
    if (session.interrupted.aborted) return { count, interrupted: true };
    if (count >= limit) break;
  }
  progress.end();
  return { count, interrupted: false };
}
