/** Letters named by the beginning of their id, as git names commits. */
import { type DeadLetter, type DeadLetterQueue, letterPages } from "@hooklatch/core";
import { CliError, EXIT, usage } from "./exit.js";
import { harmless } from "./harmless.js";

/** Shown in lists: long enough to be unique nearly always. */
export const SHORT_ID = 10;
const LEAST = 6;
const WHOLE = 64;
const SHOWN = 10;

/**
 * The whole ids. One that is whole already is not looked for; for the others all letters are walked once.
 * `missing`: those of which there is no letter.
 *
 * @throws {CliError} `wrong_usage`; `ambiguous_id`, naming what it could be
 */
export async function wholeIds(
  queue: DeadLetterQueue,
  given: readonly string[],
): Promise<{ ids: string[]; missing: string[] }> {
  const wanted = [...new Set(given.map((id) => id.toLowerCase()))];
  for (const id of wanted) {
    if (!/^[0-9a-f]+$/.test(id) || id.length < LEAST || id.length > WHOLE) {
      throw usage(`An id is ${WHOLE} hex digits, or at least the first ${LEAST} of them; it is not ${id}.`);
    }
  }
  const short = wanted.filter((id) => id.length < WHOLE);
  const found = new Map<string, DeadLetter[]>(short.map((id) => [id, []]));
  if (short.length > 0) {
    for await (const { letters } of letterPages(queue, undefined)) {
      for (const letter of letters)
        for (const id of short) if (letter.id.startsWith(id)) found.get(id)?.push(letter);
    }
  }
  for (const [id, letters] of found) {
    if (letters.length < 2) continue;
    const which = letters
      .slice(0, SHOWN)
      .map((one) => `\n${harmless(`  ${one.id}  ${one.scope}  ${one.key}`)}`);
    const more = letters.length > SHOWN ? `\n  and ${letters.length - SHOWN} more` : "";
    throw new CliError("ambiguous_id", `${id} could be:${which.join("")}${more}`, EXIT.usage);
  }
  const wholeOf = (id: string): string | undefined => (id.length === WHOLE ? id : found.get(id)?.[0]?.id);
  return {
    ids: [...new Set(wanted.flatMap((id) => wholeOf(id) ?? []))],
    missing: wanted.filter((id) => wholeOf(id) === undefined),
  };
}

/** @throws {CliError} `letter_not_found`, and those of `wholeIds` */
export async function letterOf(queue: DeadLetterQueue, given: string): Promise<DeadLetter> {
  const { ids } = await wholeIds(queue, [given]);
  const letter = ids[0] === undefined ? undefined : await queue.get(ids[0]);
  if (letter !== undefined) return letter;
  throw new CliError(
    "letter_not_found",
    `There is no letter ${given}: its operation completed, it was discarded, or it is in another queue.`,
    EXIT.notFound,
  );
}
