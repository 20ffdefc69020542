import { discardMany } from "@hooklatch/core";
import type { Command } from "commander";
import {
  addBulkOptions,
  type BulkOptions,
  choose,
  dryRun,
  exitOf,
  lettersOf,
  refusedLines,
  refusedShape,
  runBatch,
} from "../bulk.js";
import { canConfirm, confirm } from "../confirm.js";
import { type Context, examples, type Runs } from "../context.js";
import { TIMES_HELP } from "../filter-options.js";

export function addDiscard(dlq: Command, runs: Runs): void {
  const command = dlq
    .command("discard")
    .description(
      "Give dead letters up: letter and operation are removed. What was not exported before is gone.",
    );
  addBulkOptions(command).action(runs(discardCommand));
  examples(
    command,
    "hooklatch dlq discard 3f9a1c --store sqlite:events.db",
    "hooklatch dlq discard --scope orders --failed-before 30d --dry-run",
  ).addHelpText("after", TIMES_HELP);
}

async function discardCommand(context: Context<BulkOptions>): Promise<number> {
  const { session, place, options } = context;
  const deadLetters = await place.deadLetters();
  const chosen = await choose(context, deadLetters);
  if (options.dryRun) return dryRun(context, chosen, "discarded");
  if (chosen.count > 0) {
    canConfirm(session, options.yes);
    await confirm(session, `Discard ${chosen.words}, for ever?`, options.yes);
  }
  const { letters } = chosen;
  const steps = discardMany({ store: await place.store(), deadLetters, letters });
  const tally = await runBatch(context, "Discarded", steps, chosen, ["discarded"]);
  if (session.json) {
    session.result({
      letters: chosen.count,
      discarded: tally.done.length,
      refused: tally.refused.map(refusedShape),
      interrupted: tally.interrupted,
    });
    return exitOf(tally);
  }
  if (chosen.count === 0 && tally.refused.length === 0) session.out("No letter matches.");
  else session.out(`Discarded ${lettersOf(tally.done.length)}.`);
  if (tally.refused.length > 0)
    session.out([`Refused: ${tally.refused.length}`, ...refusedLines(tally.refused)].join("\n"));
  if (tally.interrupted) session.note("Interrupted. The same command goes on.");
  return exitOf(tally);
}
