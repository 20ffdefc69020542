/** `redisDeadLetters`: a dead-letter queue in one slot of Redis. */
import { checkQuery, type DeadLetterQuery, type DeadLetterQueue, pageLimit } from "@hooklatch/core";
import { admission } from "./admission.js";
import type { RedisClient } from "./client.js";
import {
  arrivedBefore,
  type Found,
  filterOf,
  foundIn,
  indexArguments,
  letterArguments,
} from "./letter-record.js";
import { lettersLua } from "./letters-lua.js";
import { linkOf } from "./link.js";
import { partitionOf } from "./names.js";
import { optional, type Reply } from "./operation-record.js";
import { deadLetterSettings, type RedisDeadLetterOptions } from "./options.js";
import { type Argument, scriptOf } from "./script.js";
import { createSender } from "./sender.js";

const script = scriptOf(lettersLua);

/** Letters in one reply: whole letters with their events are large, and Redis does nothing else while it answers. */
const LETTERS_AT_ONCE = 100;

/**
 * A dead-letter queue on Redis or Valkey. It may share its client, and its prefix, with `redisStore`. What it keeps survives what the server's
 * settings let survive: see `redisStore`.
 *
 * Letters are found by an index of scope, tenant, key, error or time of arrival, and counted by one of the times of failure or the number of
 * replays; what else is asked for is looked at letter by letter, 1000 in a call (docs/redis.md has the times). Of a removed letter, id and
 * version stay for 7 days, to keep out a push that comes late. All letters of a queue are in one slot, so on one node of a Cluster.
 *
 * @param client as for `redisStore`
 * @throws {HooklatchError} `invalid_option`
 *
 * @example const deadLetters = redisDeadLetters(client, { retentionMs: 30 * 24 * 60 * 60 * 1000 });
 */
export function redisDeadLetters(client: RedisClient, options: RedisDeadLetterOptions = {}): DeadLetterQueue {
  const { prefix, timeoutMs, waitForReplicas, retentionMs, maxLetters, ...policy } =
    deadLetterSettings(options);
  const link = linkOf(client, "redisDeadLetters");
  const tag = `${prefix}:letters`;
  const base = `${prefix}:{${tag}}:`;
  const partition = partitionOf(base, tag);
  const { admit, refuse } = admission(client, { prefix, ...policy });
  const what = "The Redis dead-letter queue";
  const sender = createSender({ link, script, what, timeoutMs, waitForReplicas, admit, refuse });

  function call(verb: string, args: readonly Argument[], keeps = false): Promise<unknown> {
    return sender.send({ key: base, partition, verb, args, keeps });
  }

  /** Goes on where a call that had looked at enough left off. */
  async function walk(
    verb: "list" | "count",
    query: DeadLetterQuery | undefined,
    visit: (reply: unknown) => boolean,
    missing: () => number = () => 0,
  ): Promise<void> {
    const filter = filterOf(query);
    let indexed = false;
    for (let upTo = arrivedBefore(query), goOn = true; goOn && upTo !== ""; ) {
      const most = Math.min(missing(), LETTERS_AT_ONCE);
      const [rest, reply] = (await call(verb, [indexed ? 1 : 0, most, ...filter, upTo])) as Reply;
      if (String(rest) === "unindexed") {
        await indexAll();
        indexed = true;
      } else {
        goOn = visit(reply);
        upTo = String(rest);
      }
    }
  }

  /** Letters that were pushed by a version that knew fewer filters. Once for each of them. */
  async function indexAll(): Promise<void> {
    for (let upTo = "+inf"; upTo !== ""; ) {
      const [rest, found] = (await call("unindexed", [upTo])) as [unknown, (Buffer | null)[][]];
      const all = found.map(indexArguments).filter((args) => args !== undefined);
      await Promise.all(all.map((args) => call("index", args)));
      upTo = String(rest);
    }
  }

  return {
    async push(letter, { as = "own" } = {}) {
      const newer = await call("push", [as, ...letterArguments(letter)], true);
      if (!Array.isArray(newer)) return undefined;
      const [bornAt, token] = newer.map(Number) as [number, number];
      return { bornAt, token };
    },

    async list(query) {
      checkQuery(query);
      const limit = pageLimit(query);
      const letters: Found[] = [];
      // One more than asked for tells whether there is a next page.
      const missing = () => limit + 1 - letters.length;
      const visit = (found: unknown) => {
        letters.push(...(found as Buffer[][]).map(foundIn));
        return missing() > 0;
      };
      await walk("list", query, visit, missing);
      const page = letters.slice(0, limit);
      const last = page.at(-1);
      const shown = page.map(({ letter }) => letter);
      return letters.length > limit && last !== undefined
        ? { letters: shown, nextCursor: last.arrival }
        : { letters: shown };
    },

    async get(id) {
      const fields = (await call("get", [id])) as Buffer[];
      return fields.length === 0 ? undefined : foundIn(fields).letter;
    },

    async remove(id, upTo) {
      return Number(await call("remove", [id, optional(upTo?.bornAt), optional(upTo?.token)])) === 1;
    },

    async count(query) {
      checkQuery(query);
      let total = 0;
      await walk("count", query, (count) => {
        total += Number(count);
        return true;
      });
      return total;
    },

    async expired({ scope, limit }) {
      const most = pageLimit({ limit });
      const ids = await call("expired", [scope, most, optional(retentionMs), optional(maxLetters)]);
      return (ids as Buffer[]).map(String);
    },

    async close() {
      sender.close();
    },
  };
}
