/** How each is opened: for the processes that are measured. */
import { redisCommands, sqliteCommits } from "./floor.js";
import { onMemory, onRedis, onSqlite } from "./hooklatch.js";
import type { Open } from "./subject.js";
import type { SubjectName } from "./subjects.js";

export const OPEN: Readonly<Record<SubjectName, Open>> = {
  memory: onMemory,
  sqlite: onSqlite,
  "sqlite-full": sqliteCommits("FULL"),
  "sqlite-normal": sqliteCommits("NORMAL"),
  redis: onRedis,
  "redis-commands": redisCommands,
};
