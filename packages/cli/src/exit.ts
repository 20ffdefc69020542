/** How a command ends: exit codes and error codes. Both are stable; docs/cli.md lists them. */
import { HooklatchError } from "@hooklatch/core";

export const EXIT = {
  done: 0,
  /** It failed, or the store could not be reached. */
  failed: 1,
  /** An option or argument is wrong or missing. */
  usage: 2,
  notFound: 3,
  /** Some were refused, or there are warnings. */
  refused: 4,
  /** It was not confirmed, so nothing was done. */
  notConfirmed: 5,
  interrupted: 130,
} as const;

/** An end that was foreseen: its message is for people, its code for programs. */
export class CliError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly exit: number = EXIT.failed,
  ) {
    super(message);
    this.name = "CliError";
  }
}

export function usage(message: string): CliError {
  return new CliError("wrong_usage", message, EXIT.usage);
}

/** Of a file that was named and cannot be read. */
export function unreadable(file: string, error: unknown): CliError {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "ENOENT"
    ? new CliError("file_missing", `There is no file ${file}.`, EXIT.notFound)
    : usage(`${file} cannot be read: ${message}`);
}

export interface Ending {
  code: string;
  message: string;
  exit: number;
}

/** What to say of anything that was thrown. */
export function endingOf(error: unknown): Ending {
  if (error instanceof CliError) return { code: error.code, message: error.message, exit: error.exit };
  if (HooklatchError.is(error)) {
    const { code, message } = error;
    const isUsage = code === "invalid_argument" || code === "invalid_option";
    return { code, message, exit: isUsage ? EXIT.usage : EXIT.failed };
  }
  return {
    code: "failed",
    message: error instanceof Error ? error.message : String(error),
    exit: EXIT.failed,
  };
}
