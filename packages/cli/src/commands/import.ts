import { createReadStream, statSync } from "node:fs";
import { type DeadLetter, importLetter, letterFromLine } from "@hooklatch/core";
import type { Command } from "commander";
import { lettersOf } from "../bulk.js";
import { type Context, examples, type Runs } from "../context.js";
import { CliError, EXIT, endingOf, unreadable, usage } from "../exit.js";
import { linesOf } from "../lines.js";
import { createProgress } from "../progress.js";

interface ImportOptions {
  restore?: boolean;
  dryRun?: boolean;
  skipInvalid?: boolean;
}

interface Invalid {
  line: number;
  message: string;
}
type Read = { line: number; letter: DeadLetter } | Invalid;

/** Wrong lines that are told of one by one. */
const TOLD = 20;

export function addImport(dlq: Command, runs: Runs): void {
  const command = dlq
    .command("import")
    .description(
      "Bring exported dead letters into a queue. Safe to repeat. A SQLite file that is not there is made.",
    )
    .argument("[file]", "JSON lines as `export` writes them; `-`, or nothing, is stdin")
    .option("--restore", "also letters that were removed from this queue not long ago")
    .option("--dry-run", "only check the lines")
    .option(
      "--skip-invalid",
      "leave wrong lines out; without it, one wrong line keeps all from being imported",
    )
    .action(runs(importCommand));
  examples(
    command,
    "hooklatch dlq import letters.jsonl --store redis://localhost:6379/0",
    "hooklatch dlq export --store sqlite:old.db | hooklatch dlq import --store sqlite:new.db",
  );
}

async function importCommand(context: Context<ImportOptions>): Promise<number> {
  const { session, options, args } = context;
  const [file = "-"] = args;
  // A file is read twice rather than held in memory; stdin and other pipes can be read only once.
  const once = file === "-" ? process.stdin : isFile(file) ? undefined : createReadStream(file);
  const held = once && (await all(readLetters(once)));
  const reads = (): AsyncIterable<Read> | Iterable<Read> => held ?? readLetters(createReadStream(file));
  const invalid: Invalid[] = [];
  let letters = 0;
  for await (const read of reads()) {
    if ("letter" in read) letters++;
    else invalid.push(read);
  }
  if (!session.json) tell(context, invalid);
  if (options.dryRun) {
    if (session.json) session.result({ dryRun: true, letters, invalid });
    else session.out(`${lettersOf(letters)} could be imported. Nothing was changed.`);
    return invalid.length === 0 ? EXIT.done : EXIT.refused;
  }
  if (invalid.length > 0 && !options.skipInvalid) {
    const [{ line, message } = { line: 0, message: "" }] = invalid;
    const wrong = invalid.length === 1 ? "1 line is" : `${invalid.length} lines are`;
    throw new CliError(
      "invalid_letter",
      `${wrong} wrong, so nothing was imported; --skip-invalid leaves them out. Line ${line}: ${message}`,
    );
  }
  return importAll(context, reads(), letters, invalid);
}

/**
 * Whether it can be read again from its beginning.
 * @throws {CliError} `file_missing`; `wrong_usage` for a directory
 */
function isFile(path: string): boolean {
  try {
    const found = statSync(path);
    if (found.isDirectory()) throw usage(`${path} is a directory.`);
    return found.isFile();
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(path, error);
  }
}

async function importAll(
  { session, place, options }: Context<ImportOptions>,
  reads: AsyncIterable<Read> | Iterable<Read>,
  letters: number,
  invalid: readonly Invalid[],
): Promise<number> {
  const deadLetters = await place.deadLetters(true);
  session.finishes();
  const progress = createProgress("Imported");
  const counts = { imported: 0, already: 0, removed: 0 };
  let seen = 0;
  for await (const read of reads) {
    if (session.interrupted.aborted) break;
    if (!("letter" in read)) continue;
    const { letter } = read;
    counts[(await importLetter({ deadLetters, letter, restore: options.restore })).status]++;
    progress.at(++seen, letters);
  }
  progress.end();
  const interrupted = seen < letters;
  if (session.json) session.result({ ...counts, invalid, interrupted });
  else {
    session.out(`Imported ${lettersOf(counts.imported)}.`);
    if (counts.already > 0) session.out(`There already: ${lettersOf(counts.already)}.`);
    if (counts.removed > 0)
      session.out(
        `Removed from this queue not long ago: ${lettersOf(counts.removed)}. --restore brings them back.`,
      );
    if (interrupted) session.note("Interrupted. The same command goes on.");
  }
  if (interrupted) return EXIT.interrupted;
  return counts.removed + invalid.length > 0 ? EXIT.refused : EXIT.done;
}

function tell({ session }: Context<unknown>, invalid: readonly Invalid[]): void {
  for (const { line, message } of invalid.slice(0, TOLD)) session.note(`Line ${line}: ${message}`);
  if (invalid.length > TOLD) session.note(`And ${invalid.length - TOLD} more wrong lines.`);
}

async function* readLetters(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Read> {
  for await (const { number, text } of linesOf(bytes)) {
    if (text?.trim() === "") continue;
    yield readLetter(number, text);
  }
}

function readLetter(line: number, text: string | undefined): Read {
  if (text === undefined) return { line, message: "The line is not UTF-8." };
  try {
    return { line, letter: letterFromLine(text) };
  } catch (error) {
    return { line, message: endingOf(error).message };
  }
}

async function all<T>(of: AsyncIterable<T>): Promise<T[]> {
  const held: T[] = [];
  for await (const one of of) held.push(one);
  return held;
}
