/** A text in the user's editor. */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8In } from "@hooklatch/core";
import { CliError } from "./exit.js";
import type { Session } from "./session.js";

/**
 * What the user made of the text. It is in a file that only this user can read, in a directory of its own, and gone afterwards, also after
 * a signal.
 *
 * @throws {CliError} `editor_failed`
 */
export async function edited(session: Session, text: string, extension: string): Promise<string> {
  const editor =
    process.env.VISUAL || process.env.EDITOR || (process.platform === "win32" ? "notepad" : "vi");
  const directory = mkdtempSync(join(tmpdir(), "hooklatch-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  const forget = session.atExit(remove);
  try {
    const file = join(directory, `body.${extension}`);
    writeFileSync(file, text, { mode: 0o600, flag: "wx" });
    session.ignoreInterrupts(true);
    await run(editor, file);
    const after = utf8In(readFileSync(file));
    if (after !== undefined) return after;
    throw new CliError(
      "body_not_text",
      "What the editor left is not UTF-8: use --body-file. Nothing was done.",
    );
  } finally {
    session.ignoreInterrupts(false);
    remove();
    forget();
  }
}

/** Through a shell, because an editor is often named with options: `code --wait`. */
function run(editor: string, file: string): Promise<void> {
  const failed = (why: string) =>
    new CliError("editor_failed", `The editor ${editor} ${why}. Nothing was done.`);
  return new Promise((resolve, reject) => {
    const child =
      process.platform === "win32"
        ? spawn(`${editor} "${file}"`, { shell: true, stdio: "inherit" })
        : spawn("/bin/sh", ["-c", `${editor} "$@"`, editor, file], { stdio: "inherit" });
    child.once("error", (error) => reject(failed(`cannot be started: ${error.message}`)));
    child.once("exit", (code, signal) =>
      code === 0 ? resolve() : reject(failed(`ended with ${signal ?? `code ${code}`}`)),
    );
  });
}
