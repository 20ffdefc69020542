/** What `letters.ts` does, whatever the store. */
import { type DeadLetterQueue, type IdempotencyStore, readStoredEvent, replay } from "@hooklatch/core";

export interface Kept {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
}

/** @returns the exit code */
export async function lettersCommand({ store, deadLetters }: Kept, args: readonly string[]): Promise<number> {
  const [command = "list", id = ""] = args;
  if (command === "list") {
    const { letters } = await deadLetters.list();
    if (letters.length === 0) console.log("There are no dead letters.");
    for (const letter of letters) {
      console.log(`${letter.id}\n  ${letter.scope} ${letter.key}: ${readStoredEvent(letter.event).text()}`);
      for (const { attempt, startedAt, error } of letter.attempts) {
        console.log(
          `  attempt ${attempt} at ${new Date(startedAt).toISOString()}: ${error?.message ?? "ok"}`,
        );
      }
    }
    return 0;
  }
  if (command === "replay" && id !== "") {
    const { status } = await replay({ store, deadLetters, id });
    console.log(status);
    return status === "scheduled" || status === "completed" ? 0 : 1;
  }
  console.error("usage: letters.ts [list | replay <id>]");
  return 2;
}
