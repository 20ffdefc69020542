/** Questions before anything is changed. */
import { createInterface } from "node:readline";
import { CliError, EXIT } from "./exit.js";
import { harmless } from "./harmless.js";
import type { Session } from "./session.js";

const notConfirmed = (message: string) => new CliError("not_confirmed", message, EXIT.notConfirmed);

/**
 * Whether the question can be answered at all, before any work is done for it.
 * @throws {CliError} `not_confirmed`
 */
export function canConfirm(session: Session, yes: boolean | undefined): void {
  if (yes || session.canAsk) return;
  throw notConfirmed(
    "Nothing was done: there is no terminal on which to ask. Say --yes to go on without a question.",
  );
}

/**
 * Asks on stderr, and returns if the answer is yes. `yes`: it was given beforehand, and nothing is asked.
 * @throws {CliError} `not_confirmed`
 */
export async function confirm(session: Session, question: string, yes: boolean | undefined): Promise<void> {
  if (yes) return;
  canConfirm(session, yes);
  process.stderr.write(`${harmless(session.redact(question), { lines: true })} [y/N] `);
  if (!/^y(es)?$/i.test((await answer()).trim())) throw notConfirmed("Nothing was done.");
}

/** One line. The terminal stays as it is, so that Ctrl-C is a signal. */
function answer(): Promise<string> {
  const lines = createInterface({ input: process.stdin, terminal: false });
  return new Promise((resolve) => {
    lines.once("line", (line) => {
      resolve(line);
      lines.close();
    });
    lines.once("close", () => resolve(""));
  }).then((line) => {
    process.stdin.pause();
    return line as string;
  });
}
