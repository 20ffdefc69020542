/** Lists the dead letters, or with `replay <id>` puts one back to work: in a process of its own, while the server runs. */
import { readStoredEvent, replay } from "@hooklatch/core";
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import { readConfig } from "./config.js";

const { database } = readConfig();
const store = sqliteStore(database);
const deadLetters = sqliteDeadLetters(database);
const [command = "list", id = ""] = process.argv.slice(2);

if (command === "list") {
  const { letters } = await deadLetters.list();
  if (letters.length === 0) console.log("There are no dead letters.");
  for (const letter of letters) {
    console.log(`${letter.id}\n  ${letter.scope} ${letter.key}: ${readStoredEvent(letter.event).text()}`);
    for (const { attempt, startedAt, error } of letter.attempts) {
      console.log(`  attempt ${attempt} at ${new Date(startedAt).toISOString()}: ${error?.message ?? "ok"}`);
    }
  }
} else if (command === "replay" && id !== "") {
  const { status } = await replay({ store, deadLetters, id });
  console.log(status);
  if (status !== "scheduled" && status !== "completed") process.exitCode = 1;
} else {
  console.error("usage: letters.ts [list | replay <id>]");
  process.exitCode = 2;
}
await store.close?.();
await deadLetters.close?.();
