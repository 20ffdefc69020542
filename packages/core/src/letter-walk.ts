/** All letters that a query finds, page by page. */
import type { DeadLetter, DeadLetterQuery, DeadLetterQueue } from "./dead-letter.js";

/** Whole letters, with their events, are in memory at once. */
const PAGE = 50;

/** What a query asks for, without how much of it at once. */
export type LetterFilter = Omit<DeadLetterQuery, "limit" | "cursor">;

/**
 * Newest arrival first. What arrives meanwhile is not visited, and what is removed meanwhile moves nothing.
 * `cursor`: where an earlier walk over the same filter stopped.
 */
export async function* letterPages(
  queue: DeadLetterQueue,
  filter: LetterFilter | undefined,
  cursor?: string,
): AsyncGenerator<{ letters: DeadLetter[]; nextCursor?: string | undefined }> {
  for (let from = cursor; ; ) {
    const page = await queue.list({ ...filter, limit: PAGE, cursor: from });
    yield page;
    if (page.nextCursor === undefined) return;
    from = page.nextCursor;
  }
}
