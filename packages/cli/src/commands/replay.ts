import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import { type LetterFilter, replayMany } from "@hooklatch/core";
import { type Command, InvalidArgumentError } from "commander";
import {
  addBulkOptions,
  type BulkOptions,
  type Chosen,
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
import { EXIT } from "../exit.js";
import { argumentsOf, TIMES_HELP } from "../filter-options.js";
import { harmless, quoted } from "../harmless.js";
import { type Waited, waitFor } from "../wait.js";

interface ReplayOptions extends BulkOptions {
  perSecond?: number;
  batch?: string;
  by?: string;
  note?: string;
  wait?: boolean;
}

const PER_SECOND = 10;

export function addReplay(dlq: Command, runs: Runs): void {
  const command = dlq
    .command("replay")
    .description(
      "Put dead letters back to work: by id, by filter, or all of them. A worker of the app runs them.",
    );
  addBulkOptions(command)
    .option("--per-second <count>", `how many become due in each second (default: ${PER_SECOND})`, readRate)
    .option("--batch <id>", "go on with this batch: what it put back already is not put back again")
    .option("--cursor <place>", "where this batch stopped")
    .option("--by <name>", "who asks, for the history (default: the user of this system)")
    .option("--note <text>", "why, for the history")
    .option("--wait", "until they left the queue or failed again")
    .action(runs(replayCommand));
  examples(
    command,
    "hooklatch dlq replay 3f9a1c --store sqlite:events.db --wait",
    "hooklatch dlq replay --scope orders --error TimeoutError --dry-run",
    'hooklatch dlq replay --scope orders --failed-after 2h --per-second 5 --note "bank is back"',
  ).addHelpText("after", TIMES_HELP);
}

function readRate(text: string): number {
  const rate = Number(text);
  if (text.trim() !== "" && rate >= 0.01 && rate <= 10_000) return rate;
  throw new InvalidArgumentError("It must be a number from 0.01 to 10000.");
}

/** The user of this system: the default of `--by`. */
export function whoAsks(by: string | undefined): string {
  if (by !== undefined) return by;
  try {
    return userInfo().username;
  } catch {
    // A user without a name, as in some containers.
    return process.env.USER || "unknown";
  }
}

async function replayCommand(context: Context<ReplayOptions>): Promise<number> {
  const { session, place, options } = context;
  const queue = await place.deadLetters();
  const chosen = await choose(context, queue);
  if (options.dryRun) return dryRun(context, chosen, "put back");
  const byId = context.args.length > 0;
  const batchId = options.batch ?? randomUUID();
  const { perSecond = PER_SECOND, note } = options;
  const by = whoAsks(options.by);
  const resume = (next?: string): string => resumeCommand(context, chosen, { batchId, perSecond, next });
  if (!byId && chosen.count > 0) {
    canConfirm(session, options.yes);
    await confirm(session, `Put back ${chosen.words}, ${perSecond} in each second?`, options.yes);
    session.note(`If this is interrupted, go on with:\n  ${resume()}`);
  }
  const store = await place.store();
  const { letters } = chosen;
  const steps = replayMany({
    ...{ store, deadLetters: queue, letters, batchId, perSecond, by, note },
    from: options.cursor,
  });
  const wanted = ["scheduled", "already", "completed"] as const;
  const tally = await runBatch(context, "Put back", steps, chosen, wanted);
  const count = (status: (typeof wanted)[number]): number => tally.counts.get(status) ?? 0;
  const put = tally.done.filter(({ status }) => status !== "completed");
  const waited = options.wait && !tally.interrupted ? await waitFor(context, put) : undefined;
  const stopped = tally.interrupted || (waited?.pending.length ?? 0) > 0;
  const goOn = tally.interrupted ? resume(tally.next) : undefined;
  if (session.json) {
    session.result({
      batch: batchId,
      letters: chosen.count,
      scheduled: count("scheduled"),
      already: count("already"),
      completed: count("completed"),
      refused: tally.refused.map(refusedShape),
      interrupted: stopped,
      ...(goOn && { resume: goOn }),
      ...(waited && {
        waited: {
          left: waited.left.length,
          failedAgain: waited.failedAgain.map(({ id }) => id),
          pending: waited.pending.length,
        },
      }),
    });
  } else {
    const { colours } = session;
    if (chosen.count === 0 && tally.refused.length === 0) session.out("No letter matches.");
    else session.out(`${colours.green("Put back")} ${lettersOf(count("scheduled"))}. Batch ${batchId}.`);
    if (count("already") > 0)
      session.out(`${lettersOf(count("already"))} had been put back by this batch before.`);
    if (count("completed") > 0)
      session.out(`${lettersOf(count("completed"))} had completed meanwhile, and left the queue.`);
    if (tally.refused.length > 0)
      session.out(
        [colours.yellow(`Refused: ${tally.refused.length}`), ...refusedLines(tally.refused)].join("\n"),
      );
    if (waited) session.out(waitedLines(waited));
    if (goOn) session.note(`Interrupted. Go on with:\n  ${goOn}`);
  }
  if (stopped) return EXIT.interrupted;
  return waited && waited.failedAgain.length > 0 ? EXIT.refused : exitOf(tally);
}

function waitedLines({ left, failedAgain, pending }: Waited): string {
  const lines = [`${lettersOf(left.length)} left the queue.`];
  if (failedAgain.length > 0) lines.push(`${lettersOf(failedAgain.length)} failed again:`);
  for (const { id, operation } of failedAgain)
    lines.push(harmless(`  ${id.slice(0, 12)}  ${operation?.scope}  ${operation?.key}`));
  if (pending.length > 0) lines.push(`Still at work: ${lettersOf(pending.length)}.`);
  return lines.join("\n");
}

function resumeCommand(
  { place, options }: Context<ReplayOptions>,
  { letters }: Chosen,
  { batchId, perSecond, next }: { batchId: string; perSecond: number; next?: string | undefined },
): string {
  const isIds = Array.isArray(letters);
  const which = isIds ? (letters as readonly string[]) : argumentsOf(letters as LetterFilter);
  const { by, note, wait } = options;
  return [
    ...["hooklatch", "dlq", "replay", ...place.again, ...which],
    ...[`--batch=${batchId}`, `--per-second=${perSecond}`],
    ...(next === undefined || isIds ? [] : [`--cursor=${next}`]),
    ...(by === undefined ? [] : [`--by=${by}`]),
    ...(note === undefined ? [] : [`--note=${note}`]),
    ...(wait ? ["--wait"] : []),
    "--yes",
  ]
    .map(quoted)
    .join(" ");
}
