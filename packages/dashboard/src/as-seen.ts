/** What somebody decides about a letter is about the letter that the page showed them. */
import type { DeadLetter, DeadLetterQueue, LetterVersion } from "@hooklatch/core";
import { refuse } from "./refusal.js";

/** Another version of the letter was seen than there is now, or it is not there any more. */
type Unseen = { status: "superseded" | "not_found" };

/**
 * Does it to the letter, if its version is still the one that was seen. What acts on a letter that was read is refused by the store when its
 * operation moves on between here and there, instead of taking whatever is there by then.
 */
export async function asSeen<Result>(
  queue: DeadLetterQueue,
  id: string,
  seen: LetterVersion,
  does: (letter: DeadLetter) => Promise<Result>,
): Promise<Result | Unseen> {
  const letter = await queue.get(id);
  if (letter === undefined) return { status: "not_found" };
  if (letter.bornAt !== seen.bornAt || letter.token !== seen.token) return { status: "superseded" };
  return does(letter);
}

/** @throws {Refusal} `invalid_version` */
export function versionIn({ version }: Readonly<Record<string, unknown>>): LetterVersion {
  const { bornAt, token } = Object(version) as Partial<Record<keyof LetterVersion, unknown>>;
  if (typeof bornAt === "number" && typeof token === "number") return { bornAt, token };
  throw refuse(400, "invalid_version", "`version` must be that of the letter that was seen.");
}
