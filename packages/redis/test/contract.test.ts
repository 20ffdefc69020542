/** The contracts on a single server, with both ioredis lines and with what users set on their clients. */
import { redisUrl } from "@hooklatch/servers";
import { deadLetterContract, storeContract } from "@hooklatch/testing";
import { Redis as Redis5 } from "ioredis5";
import { describe, it } from "vitest";
import { inChild } from "./support/child.js";
import { connect, type Options, tended } from "./support/clients.js";
import { ownedLetters, ownedStore } from "./support/owned.js";
import { prefixOf } from "./support/spaces.js";
import { isTelling } from "./support/telling-cases.js";

const url = redisUrl() ?? "";
const five = (): Redis5 => tended(new Redis5(url));

describe.skipIf(redisUrl() === undefined)("on a single server", () => {
  describe("redisStore keeps the store contract", () => {
    const cases = storeContract({
      without: ["purge"],
      open: (space) => ownedStore(connect(url), { prefix: prefixOf(space) }),
      child: (space) => inChild({ url, prefix: prefixOf(space) }),
    });
    for (const { name, run } of cases) it.concurrent(name, run);
  });

  describe("redisDeadLetters keeps the dead-letter contract", () => {
    const cases = deadLetterContract({
      open: (space, limits) => ownedLetters(connect(url), { prefix: prefixOf(space), ...limits }),
    });
    for (const { name, run } of cases) it.concurrent(name, run);
  });

  describe("with ioredis 5 redisStore keeps the store contract", () => {
    const cases = storeContract({
      without: ["purge"],
      open: (space) => ownedStore(five(), { prefix: prefixOf(space) }),
    });
    for (const { name, run } of cases) it.concurrent(name, run);
  });

  describe("with ioredis 5 redisDeadLetters keeps the dead-letter contract", () => {
    const cases = deadLetterContract({
      open: (space, limits) => ownedLetters(five(), { prefix: prefixOf(space), ...limits }),
    });
    for (const { name, run } of cases) it.concurrent(name, run);
  });
});

const settings: Record<string, Options> = {
  "protocol: 2": { protocol: 2 },
  'replyMapping: "resp3"': { replyMapping: "resp3" } as Options,
  enableAutoPipelining: { enableAutoPipelining: true },
  keyPrefix: { keyPrefix: "app:" },
  "a keyPrefix with a hash tag": { keyPrefix: "{app}:" },
  stringNumbers: { stringNumbers: true },
  lazyConnect: { lazyConnect: true },
  "enableOfflineQueue: false": { enableOfflineQueue: false },
  "db: 3": { db: 3 },
};

describe.skipIf(redisUrl() === undefined)("a client with", () => {
  for (const [setting, options] of Object.entries(settings)) {
    const cases = [
      ...storeContract({
        without: ["purge"],
        open: (space) => ownedStore(connect(url, options), { prefix: prefixOf(space) }),
      }),
      ...deadLetterContract({
        open: (space, limits) => ownedLetters(connect(url, options), { prefix: prefixOf(space), ...limits }),
      }),
    ].filter(isTelling);
    for (const { name, run } of cases) it.concurrent(`${setting}: ${name}`, run);
  }
});
