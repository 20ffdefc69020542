/** What somebody decided about a letter is about the letter that they saw. */
import type { DeadLetter, DeadLetterQueue } from "@hooklatch/core";

/**
 * The queue, in which this letter is still the one that was seen. So `replay` asks the store for the version that was confirmed, and is refused
 * (`superseded`) when its operation moved on since, instead of taking whatever is there by now.
 */
export function asSeen(queue: DeadLetterQueue, letter: DeadLetter): DeadLetterQueue {
  return {
    get: async () => letter,
    remove: (...which) => queue.remove(...which),
    push: (...given) => queue.push(...given),
    list: (...query) => queue.list(...query),
    count: (...query) => queue.count(...query),
  };
}
