/** Where keys, events, responses and dead letters are kept: one file for all routes, and for all processes that serve them. */
import { sqliteDeadLetters, sqliteStore } from "@hooklatch/sqlite";

const file = process.env.HOOKLATCH_DB ?? "hooklatch.db";

export const store = sqliteStore(file);
export const deadLetters = sqliteDeadLetters(file);
