/** The commands, their common options, and how a run of one ends. */
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { addDiscard } from "./commands/discard.js";
import { addDoctor } from "./commands/doctor.js";
import { addEdit } from "./commands/edit.js";
import { addExport } from "./commands/export.js";
import { addImport } from "./commands/import.js";
import { addList } from "./commands/list.js";
import { addOperation } from "./commands/operation.js";
import { addReplay } from "./commands/replay.js";
import { addShow } from "./commands/show.js";
import { addStats } from "./commands/stats.js";
import type { Runs } from "./context.js";
import { type Ending, EXIT, endingOf } from "./exit.js";
import { createSession, type Session } from "./session.js";
import { type Place, placeOf, type WhereOptions } from "./where.js";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

const CODES = `
Exit codes: 0 done, 1 failed or unreachable, 2 wrong usage, 3 not found, 4 some were refused or there are warnings,
5 not confirmed, 130 interrupted.`;

/** Runs one command. Resolves to the exit code once everything is written and closed; never rejects. */
export async function main(args: readonly string[]): Promise<number> {
  const session = createSession({
    json: args.includes("--json"),
    color: !args.includes("--no-color"),
  });
  let exit: number = EXIT.done;
  const runs: Runs =
    (work) =>
    async (...given) => {
      const command = given.at(-1) as Command;
      const options = command.optsWithGlobals();
      const place = placeOf(options as WhereOptions, session);
      try {
        exit = await work({ session, place, options: options as never, args: command.args });
      } finally {
        await closed(place, session);
      }
    };
  try {
    await programOf(runs, session).parseAsync([...args], { from: "user" });
  } catch (error) {
    const ending = error instanceof CommanderError ? endingOfParse(error, session.json) : endingOf(error);
    if (ending.message !== "") say(session, ending);
    exit = ending.exit;
  }
  return session.exitOf(exit);
}

function programOf(runs: Runs, session: Session): Command {
  const program = new Command("hooklatch")
    .description("Dead letters, operations and the health of a Hooklatch store.")
    .version(version)
    .option("--store <url>", "sqlite:FILE, redis://HOST:PORT/DB or rediss://… (or HOOKLATCH_STORE)")
    .option("--dead-letters <url>", "the queue, where it is elsewhere than the store")
    .option("--prefix <prefix>", "of the keys in Redis (default: hooklatch)")
    .option("--config <file>", "a module that exports { store, deadLetters } (or hooklatch.config.mjs here)")
    .option("--json", "one JSON object on stdout, and nothing else")
    .option("--no-color", "no colours; NO_COLOR and FORCE_COLOR count, too")
    .exitOverride()
    .configureOutput({
      // Errors are told at the end, in one way; what else comes here is help that nobody asked for.
      outputError: () => {},
      writeErr: (text) => void (session.json || process.stderr.write(text)),
      getOutHelpWidth: () => Math.min(session.width, 120),
    })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", CODES);
  const dlq = program.command("dlq").description("The dead-letter queue.");
  for (const add of [addList, addShow, addReplay, addEdit, addDiscard, addExport, addImport]) add(dlq, runs);
  addOperation(program, runs);
  addStats(program, runs);
  addDoctor(program, runs);
  return program;
}

/** A store that cannot be closed has failed; what was done before is done. */
async function closed(place: Place, session: Session): Promise<void> {
  try {
    await place.close();
  } catch (error) {
    session.note(`The store could not be closed: ${endingOf(error).message}`);
  }
}

function endingOfParse({ code, message, exitCode }: CommanderError, json: boolean): Ending {
  if (exitCode === 0) return { code, message: "", exit: EXIT.done };
  const isHelp = code === "commander.help";
  // Help was written instead.
  const text = isHelp ? (json ? "Say a command: see --help." : "") : message.replace(/^error: /, "");
  return { code: "wrong_usage", message: text, exit: EXIT.usage };
}

function say(session: Session, { code, message }: Ending): void {
  const text = session.redact(message);
  if (session.json) session.result({ error: { code, message: text } });
  else session.note(`${session.colours.red("Error")}: ${text}`);
}
