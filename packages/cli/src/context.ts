/** What a command is given, and how it is run. */
import type { Command } from "commander";
import type { Session } from "./session.js";
import type { Place } from "./where.js";

export interface Context<Options> {
  session: Session;
  place: Place;
  options: Options;
  args: readonly string[];
}

/** Resolves to the exit code. */
type Work<Options> = (context: Context<Options>) => Promise<number>;

/** Makes the action of a command: opens, runs, closes. */
export type Runs = <Options>(work: Work<Options>) => (...given: unknown[]) => Promise<void>;

/** The lines of a command's help that show it at work. */
export function examples(command: Command, ...lines: string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`);
}
