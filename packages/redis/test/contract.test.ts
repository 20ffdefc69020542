import { Redis } from "ioredis";
import { deadLetterContract, storeContract } from "@hooklatch/testing";
import { afterAll, describe, it } from "vitest";
import { redisDeadLetters, redisStore } from "../src/index.js";

const client = new Redis("redis://127.0.0.1:7399");
afterAll(async () => void (await client.quit()));

describe("redisStore keeps the store contract", () => {
  const cases = storeContract({
    without: ["purge"],
    open: (space) => redisStore(client, { prefix: `test-${space}` }),
  });
  for (const { name, run } of cases) it.concurrent(name, run);
});
describe("redisDeadLetters keeps the store contract", () => {
  const cases = deadLetterContract({
    open: (space, options) => redisDeadLetters(client, { prefix: `test-${space}`, ...options }),
  });
  for (const { name, run } of cases) it.concurrent(name, run);
});
