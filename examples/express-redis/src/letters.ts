/** Lists the dead letters, or with `replay <id>` puts one back to work: in a process of its own, while the server runs. */
import { redisDeadLetters, redisStore } from "@hooklatch/redis";
import { lettersCommand } from "example-express-sqlite/letters-command";
import { Redis } from "ioredis";
import { readConfig } from "./config.js";
import { onError } from "./redis-log.js";
import { requireRedis } from "./require-redis.js";

const { database } = readConfig();
await requireRedis(database);
const client = new Redis(database).on("error", onError);
const store = redisStore(client);
const deadLetters = redisDeadLetters(client);
process.exitCode = await lettersCommand({ store, deadLetters }, process.argv.slice(2));
await store.close?.();
await deadLetters.close?.();
client.disconnect();
