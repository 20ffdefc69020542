/** What replaying and discarding many letters have in common: which letters, how many, and what became of each. */
import {
  type BatchItem,
  type BatchStep,
  closedFilter,
  type DeadLetterQueue,
  type LetterFilter,
} from "@hooklatch/core";
import type { Command } from "commander";
import type { Context } from "./context.js";
import { EXIT, endingOf, usage } from "./exit.js";
import { addFilterOptions, type FilterOptions, filterOf, inWords, readCount } from "./filter-options.js";
import { harmless } from "./harmless.js";
import { wholeIds } from "./letter-ids.js";
import { createProgress } from "./progress.js";
import { idShape } from "./shapes.js";

export interface BulkOptions extends FilterOptions {
  all?: boolean;
  limit?: number;
  cursor?: string;
  dryRun?: boolean;
  yes?: boolean;
}

/** Which letters, and how carefully. */
export function addBulkOptions(command: Command): Command {
  command.argument("[ids...]", "ids of letters, or their first 6 digits or more");
  return addFilterOptions(command)
    .option("--all", "every letter in the queue")
    .option("--limit <count>", "only the newest so many of those that the filter finds", readCount(1, 1_000))
    .option("--dry-run", "say how many it would be, and change nothing")
    .option("-y, --yes", "do not ask");
}

export interface Chosen {
  letters: LetterFilter | readonly string[];
  /** Given ids of which there is no letter. */
  missing: readonly string[];
  count: number;
  /** For a question. */
  words: string;
}

/**
 * By ids, or by filter. What arrives from now on is never among them.
 * @throws {CliError} `wrong_usage`: neither was said, or both
 */
export async function choose(
  { options, args }: Context<BulkOptions>,
  queue: DeadLetterQueue,
): Promise<Chosen> {
  const filter = filterOf(options);
  const isFiltered = Object.keys(filter).length > 0;
  if (args.length > 0) {
    if (isFiltered || options.all || options.limit !== undefined || options.cursor !== undefined)
      throw usage("Say either ids, or a filter.");
    const { ids, missing } = await wholeIds(queue, args);
    return { letters: ids, missing, count: ids.length, words: lettersOf(ids.length) };
  }
  if (!isFiltered && !options.all) throw usage("Say which letters: ids, a filter such as --scope, or --all.");
  const words = (count: number) =>
    `${lettersOf(count)}${isFiltered ? ` with ${inWords(filter)}` : ", which are all of them"}`;
  if (options.limit !== undefined) {
    if (options.cursor !== undefined) throw usage("Say either --limit or --cursor.");
    const page = await queue.list({ ...filter, limit: options.limit });
    const ids = page.letters.map(({ id }) => id);
    return { letters: ids, missing: [], count: ids.length, words: `the newest ${words(ids.length)}` };
  }
  const letters = await closedFilter(queue, filter);
  const count = await queue.count(letters);
  return { letters, missing: [], count, words: words(count) };
}

/** Says how many it would be. */
export function dryRun({ session }: Context<unknown>, chosen: Chosen, what: string): number {
  const { count, missing, words } = chosen;
  if (session.json) session.result({ dryRun: true, letters: count, notFound: missing });
  else {
    session.out(`It would be ${what}: ${words}. Nothing was changed.`);
    for (const id of missing) session.out(`There is no letter ${id}.`);
  }
  return missing.length === 0 ? EXIT.done : count === 0 ? EXIT.notFound : EXIT.refused;
}

export function lettersOf(count: number): string {
  return count === 1 ? "1 letter" : `${count} letters`;
}

export interface Tally<Status extends string> {
  counts: Map<Status, number>;
  /** Items whose status is among the wanted ones. */
  done: BatchItem<Status>[];
  refused: BatchItem<Status>[];
  /** Where to go on, when it was interrupted. */
  next?: string | undefined;
  interrupted: boolean;
}

/** Runs a batch step by step, until it is at its end or interrupted. */
export async function runBatch<Status extends string>(
  { session }: Context<unknown>,
  what: string,
  steps: AsyncGenerator<BatchStep<Status>>,
  chosen: Chosen,
  wanted: readonly Status[],
): Promise<Tally<Status>> {
  session.finishes();
  const tally: Tally<Status> = {
    counts: new Map(),
    done: [],
    refused: chosen.missing.map((id) => ({ id, status: "not_found" })),
    interrupted: false,
  };
  const progress = createProgress(what);
  let seen = 0;
  try {
    for await (const { items, next } of steps) {
      for (const item of items) {
        const isWanted = (wanted as readonly string[]).includes(item.status);
        (isWanted ? tally.done : tally.refused).push(item);
        if (isWanted)
          tally.counts.set(item.status as Status, (tally.counts.get(item.status as Status) ?? 0) + 1);
      }
      seen += items.length;
      progress.at(seen, chosen.count);
      tally.next = next;
      if (session.interrupted.aborted && next !== undefined) {
        tally.interrupted = true;
        break;
      }
    }
  } finally {
    progress.end();
  }
  return tally;
}

const REASONS: Record<string, string> = {
  not_found: "there is no such letter any more",
  running: "its operation was delivered again or put back, and is at work",
  superseded: "its operation moved on meanwhile: look at the letter again",
};

export function refusedShape({ id, operation, status, error }: BatchItem<string>) {
  const ending = error === undefined ? undefined : endingOf(error);
  return {
    id,
    ...(operation && idShape(operation)),
    status,
    reason: ending?.message ?? REASONS[status] ?? status,
    ...(ending && { code: ending.code }),
  };
}

/** The refused ones, a line each, harmless. */
export function refusedLines(refused: readonly BatchItem<string>[]): string[] {
  return refused.map((item) => {
    const { id, scope, key, status, reason } = refusedShape(item) as ReturnType<typeof refusedShape> & {
      scope?: string;
      key?: string;
    };
    const where = scope === undefined ? "" : `  ${scope}  ${key}`;
    return harmless(`  ${id.slice(0, 12)}${where}: ${status} (${reason})`);
  });
}

export function exitOf({ done, refused, interrupted }: Tally<string>): number {
  if (interrupted) return EXIT.interrupted;
  if (refused.length === 0) return EXIT.done;
  const all = (status: string) => done.length === 0 && refused.every((item) => item.status === status);
  return all("not_found") ? EXIT.notFound : all("failed") ? EXIT.failed : EXIT.refused;
}
