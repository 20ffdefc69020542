/**
 * Hooklatch on SQLite: for one host and any number of its processes, with no server.
 *
 * @module
 */
export type { SqliteDatabase, SqliteStatement } from "./database.js";
export { sqliteDeadLetters } from "./dead-letters.js";
export type { SqliteDeadLettersOptions, SqliteOptions, SqliteStoreOptions } from "./options.js";
export { sqliteStore } from "./store.js";
