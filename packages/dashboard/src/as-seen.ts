/** What somebody decides about a letter is about the letter that the page showed them. */
import type { DeadLetter, DeadLetterQueue, LetterVersion } from "@hooklatch/core";
import { refuse } from "./refusal.js";

/** Another version of the letter was seen than there is now, or it is not there any more. */
type Unseen = { status: "superseded" | "not_found" };

/**
 * Does it to the letter, if its version is still the one that was seen. The queue that it is given has the letter as it was read here: what
 * acts on it is refused by the store when its operation moves on between here and there, instead of taking whatever is there by then.
 */
export async function asSeen<Result>(
  queue: DeadLetterQueue,
  id: string,
  seen: LetterVersion,
  does: (letter: DeadLetter, queue: DeadLetterQueue) => Promise<Result>,
): Promise<Result | Unseen> {
  const letter = await queue.get(id);
  if (letter === undefined) return { status: "not_found" };
  if (letter.bornAt !== seen.bornAt || letter.token !== seen.token) return { status: "superseded" };
  return does(letter, {
    get: async () => letter,
    remove: (...which) => queue.remove(...which),
    push: (...given) => queue.push(...given),
    list: (...query) => queue.list(...query),
    count: (...query) => queue.count(...query),
  });
}

/** @throws {Refusal} `invalid_version` */
export function versionIn({ version }: Readonly<Record<string, unknown>>): LetterVersion {
  const { bornAt, token } = Object(version) as Partial<Record<keyof LetterVersion, unknown>>;
  if (typeof bornAt === "number" && typeof token === "number") return { bornAt, token };
  throw refuse(400, "invalid_version", "`version` must be that of the letter that was seen.");
}
