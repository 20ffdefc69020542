/** `redisStore`: the transitions of the life of an operation as calls of one Lua script. */
import {
  type AttemptRecord,
  type Claim,
  type ErrorRecord,
  HooklatchError,
  type IdempotencyStore,
  type LetterNote,
  type OperationId,
} from "@hooklatch/core";
import { admission } from "./admission.js";
import type { RedisClient } from "./client.js";
import { describe } from "./description.js";
import { dueWorkOf } from "./due-work.js";
import { encodeAbout, encodeEnded, encodeLast, pastArguments } from "./history.js";
import { linkOf } from "./link.js";
import { namesOf } from "./names.js";
import { bytes, optional, parseError, payload, type Reply, recordOf } from "./operation-record.js";
import { operationsLua } from "./operations-lua.js";
import { type RedisStoreOptions, storeSettings } from "./options.js";
import { type Argument, scriptOf } from "./script.js";
import { type Call, createSender } from "./sender.js";
import { inspectRedis } from "./server-report.js";

const script = scriptOf(operationsLua);

/**
 * A store on Redis 6.2 or later, or Valkey, for any number of machines: a single server, Sentinel or Cluster.
 *
 * What it confirmed survives the app's processes. What it survives beyond that, the server's settings decide: `onServer` and `inspectRedis` say
 * it, docs/redis.md has the table. A server whose `maxmemory-policy` may evict keeps no event: `store_not_durable`.
 *
 * Every verb answers within `timeoutMs` or rejects: `store_timeout`, `store_unavailable`, `store_not_replicated`, all worth another try.
 * Nothing is sent to a client that is not connected, where it would wait to be carried out long after its caller was told that it failed.
 *
 * @param client an ioredis `Redis` or `Cluster`, version 5 or 6. It stays yours to close; store and dead letters may share it.
 * @throws {HooklatchError} `invalid_option`
 *
 * @example const store = redisStore(new Redis("redis://127.0.0.1:6379"));
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): IdempotencyStore {
  const { prefix, partitions, timeoutMs, waitForReplicas, ...policy } = storeSettings(options);
  const link = linkOf(client, "redisStore");
  const names = namesOf(prefix, partitions);
  const { admit, refuse } = admission(client, { prefix, partitions, ...policy });
  const what = "The Redis store";
  const sender = createSender({ link, script, what, timeoutMs, waitForReplicas, admit, refuse });
  const { claimDue, stats, scopes } = dueWorkOf(link, names, waitForReplicas, timeoutMs);

  async function call(
    id: OperationId,
    verb: string,
    args: readonly Argument[],
    kind: Pick<Call, "keeps" | "counts"> = {},
  ): Promise<unknown> {
    const { key, partition } = names.operation(id);
    return sender.send({ key, partition, verb, args, ...kind });
  }
  async function isSo(...asked: Parameters<typeof call>): Promise<boolean> {
    return Number(await call(...asked)) === 1;
  }

  return {
    survives: "disk",

    async claim({ id, owner, leaseMs, fingerprint, event, redelivery, redeliveryAfterMs }) {
      const reply = await call(
        id,
        "claim",
        [
          ...idArguments(id),
          owner,
          ms(leaseMs),
          optional(fingerprint),
          redelivery,
          redeliveryAfterMs,
          ...payload(event),
        ],
        { keeps: event !== undefined },
      );
      return claimOf(reply as Reply);
    },

    extend: ({ id, owner, token, leaseMs, attempt = 0, ended }) =>
      isSo(id, "extend", [owner, token, ms(leaseMs), attempt, ...endedArguments(ended, owner)], {
        counts: attempt > 0,
      }),

    complete: ({ id, owner, token, result, retentionMs, ended }) =>
      isSo(id, "complete", [
        owner,
        token,
        ms(retentionMs),
        ...payload(result ?? undefined),
        optional(ended && encodeLast(ended, owner)),
      ]),

    retry: ({ id, owner, token, delayMs, ended, notStarted, attempt }) =>
      isSo(id, "retry", [
        owner,
        token,
        ms(delayMs),
        notStarted ? 1 : 0,
        optional(attempt),
        ...endedArguments(ended, owner),
      ]),

    fail: ({ id, owner, token, error, letter, ended }) =>
      isSo(id, "fail", [
        owner,
        token,
        JSON.stringify(error),
        letter ? 1 : 0,
        ...endedArguments(ended, owner),
      ]),

    release: ({ id, owner, token, retentionMs }) => isSo(id, "release", [owner, token, ms(retentionMs)]),

    settle: ({ id, bornAt, token, letter }) => isSo(id, "settle", [bornAt, token, letter]),
    discard: ({ id, bornAt, token }) => isSo(id, "discard", [bornAt, token]),
    outrank: ({ id, bornAt, token, other }) => isSo(id, "outrank", [bornAt, token, other]),

    async schedule({ id, replayId, about, event, originalEvent, delayMs, force, past, ...expected }) {
      const args = [
        replayId,
        JSON.stringify(replayId),
        ms(delayMs),
        optional(expected.expectedToken),
        optional(expected.expectedBornAt),
        force ? 1 : 0,
        encodeAbout({ replayId, about }),
        ...payload(event),
        ...payload(originalEvent),
        ...pastArguments(past),
      ];
      const [status] = (await call(id, "schedule", [...idArguments(id), ...args], { keeps: true })) as Reply;
      if (String(status) !== "event_not_kept") return { status: String(status) as "scheduled" };
      throw new HooklatchError(
        "event_not_kept",
        "There is no event to run again: pass `event`, as kept in the dead letter.",
      );
    },

    claimDue: (request) =>
      sender.within((isGivenUp) => claimDue({ ...request, leaseMs: ms(request.leaseMs) }, isGivenUp)),
    get: async (id) => recordOf((await call(id, "get", [])) as Reply),
    delete: (id) => isSo(id, "delete", []),
    stats: (scope) => sender.within(() => stats(scope)),
    scopes: () => sender.within(scopes),
    describe: () =>
      sender.within(async () => describe(await inspectRedis(client), { partitions, waitForReplicas })),

    async close() {
      sender.close();
    },
  };
}

/** Delays may be fractions of a millisecond; a lease or a delay never ends early. */
function ms(duration: number): number {
  if (Number.isFinite(duration)) return Math.ceil(duration);
  throw new HooklatchError("invalid_argument", `A duration is a number of ms; it is ${String(duration)}.`);
}

function idArguments({ scope, tenant, key }: OperationId): Argument[] {
  return [scope, optional(tenant), key];
}

function endedArguments(ended: AttemptRecord | undefined, owner: string): Argument[] {
  return ended === undefined ? ["-", ""] : [ended.attempt, encodeEnded(ended, owner)];
}

function claimOf([status, ...rest]: Reply): Claim {
  switch (String(status) as Claim["status"]) {
    case "claimed": {
      const [token, attempt, recovered, replay, letter] = rest.map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return {
        status: "claimed",
        token,
        attempt,
        recovered: recovered === 1,
        replay: replay === 1,
        letter: letter === 1,
      };
    }
    case "running":
      return { status: "running", retryAfterMs: Number(rest[0]), stored: Number(rest[1]) === 1 };
    case "waiting":
      return { status: "waiting", retryAfterMs: Number(rest[0]), stored: Number(rest[1]) === 1 };
    case "completed":
      return { status: "completed", result: Number(rest[0]) === 1 ? bytes(rest[1]) : null };
    case "dead":
      return {
        status: "dead",
        error: parseError(rest[0]) satisfies ErrorRecord,
        letter: String(rest[1]) as LetterNote,
        stored: Number(rest[2]) === 1,
      };
    case "mismatch":
      return { status: "mismatch" };
  }
}
