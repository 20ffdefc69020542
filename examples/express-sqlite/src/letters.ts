/** Lists the dead letters, or with `replay <id>` puts one back to work: in a process of its own, while the server runs. */
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";
import { readConfig } from "./config.js";
import { lettersCommand } from "./letters-command.js";

const { database } = readConfig();
const store = sqliteStore(database);
const deadLetters = sqliteDeadLetters(database);
process.exitCode = await lettersCommand({ store, deadLetters }, process.argv.slice(2));
await store.close?.();
await deadLetters.close?.();
