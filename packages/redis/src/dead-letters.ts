/** `redisDeadLetters`: a dead-letter queue in one slot of Redis. */
import {
  checkQuery,
  type DeadLetter,
  type DeadLetterQuery,
  type DeadLetterQueue,
  HooklatchError,
  pageLimit,
} from "@hooklatch/core";
import { admission } from "./admission.js";
import type { RedisClient } from "./client.js";
import { lettersLua } from "./letters-lua.js";
import { linkOf } from "./link.js";
import { partitionOf } from "./names.js";
import { blob, bytes, fieldsOf, optional, type Reply } from "./operation-record.js";
import { deadLetterSettings, type RedisDeadLetterOptions } from "./options.js";
import { type Argument, scriptOf } from "./script.js";
import { createSender } from "./sender.js";

const script = scriptOf(lettersLua);

/** Letters in one reply: whole letters with their events are large, and Redis does nothing else while it answers. */
const LETTERS_AT_ONCE = 100;

/** What of a letter is not a field of its own. */
type Details = Pick<DeadLetter, "error" | "attempts" | "rounds" | "firstFailedAt" | "diedAt">;

/**
 * A dead-letter queue on Redis or Valkey. It may share its client, and its prefix, with `redisStore`. What it keeps survives what the server's
 * settings let survive: see `redisStore`.
 *
 * Queries by scope, error, time of arrival, and both of the first two, are answered by an index, and so are their counts; `key` by a short
 * walk, `tenant` by a walk over the letters that the rest of the query leaves. Of a removed letter, id and version stay for 7 days, to keep
 * out a push that comes late. All letters of a queue are in one slot, so on one node of a Cluster.
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
    more: () => Argument[],
    visit: (reply: unknown) => boolean,
  ): Promise<void> {
    let upTo = before(query);
    for (let goOn = true; goOn && upTo !== ""; ) {
      const [rest, reply] = (await call(verb, [...filterOf(query), upTo, ...more()])) as Reply;
      goOn = visit(reply);
      upTo = String(rest);
    }
  }

  return {
    async push(letter) {
      await call("push", argumentsOf(letter), true);
    },

    async list(query) {
      checkQuery(query);
      const limit = pageLimit(query);
      const letters: Found[] = [];
      // One more than asked for tells whether there is a next page.
      const missing = () => limit + 1 - letters.length;
      await walk(
        "list",
        query,
        () => [Math.min(missing(), LETTERS_AT_ONCE)],
        (found) => {
          letters.push(...(found as Buffer[][]).map(foundIn));
          return missing() > 0;
        },
      );
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
      await walk(
        "count",
        query,
        () => [],
        (count) => {
          total += Number(count);
          return true;
        },
      );
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

function argumentsOf(letter: DeadLetter): Argument[] {
  const { id, scope, tenant, key, bornAt, token, event, error, attempts, rounds, firstFailedAt, diedAt } =
    letter;
  const details: Details = { error, attempts, rounds, firstFailedAt, diedAt };
  return [
    id,
    scope,
    optional(tenant),
    key,
    bornAt,
    token,
    error.name,
    error.code ?? "",
    JSON.stringify(details),
    blob(event),
  ];
}

interface Found {
  letter: DeadLetter;
  arrival: string;
}

/** From `HGETALL`. */
function foundIn(fields: readonly Buffer[]): Found {
  const found = fieldsOf(fields);
  const text = (name: string): string => String(found.get(name) ?? "");
  const tenant = found.has("tenant") ? { tenant: text("tenant") } : {};
  const arrival = text("arrival");
  const letter: DeadLetter = {
    id: text("id"),
    scope: text("scope"),
    ...tenant,
    key: text("key"),
    bornAt: Number(text("bornAt")),
    token: Number(text("token")),
    event: bytes(found.get("event")),
    ...(JSON.parse(text("details")) as Details),
    arrivedAt: Math.floor(Number(arrival) / 1_000),
  };
  return { letter, arrival };
}

function filterOf(query: DeadLetterQuery | undefined): Argument[] {
  const { scope, tenant, key, error, arrivedFrom } = query ?? {};
  return [optional(scope), optional(tenant), optional(key), optional(error), micros(arrivedFrom) ?? "-inf"];
}

/** Arrivals are µs; `arrivedAt` shows their whole ms. */
function micros(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : String(Math.ceil(ms) * 1_000);
}

/** From where to walk down: a bound that is not itself included. */
function before({ cursor, arrivedBefore }: DeadLetterQuery = {}): string {
  if (cursor !== undefined && !/^\d{1,16}$/.test(cursor)) {
    throw new HooklatchError("invalid_argument", "`cursor` is not one of this queue's.");
  }
  const bounds = [cursor, micros(arrivedBefore)].filter((bound) => bound !== undefined);
  if (bounds.length === 0) return "+inf";
  return `(${bounds.reduce((a, b) => (Number(a) < Number(b) ? a : b))}`;
}
