/**
 * `claimDue`, `stats` and `scopes`: what looks at all partitions. One command for each node, however many partitions there are: all at once on a
 * single server, those of a master together in a Cluster.
 */
import type { ClaimDueRequest, DueWork, StoreStats } from "@hooklatch/core";
import { shareOut } from "@hooklatch/core/life";
import { isCluster } from "./client.js";
import { inTime } from "./deadline.js";
import { peekLua, scopesLua, statsLua, takeLua } from "./due-work-lua.js";
import { isError } from "./failures.js";
import type { Link } from "./link.js";
import type { Names, Partition } from "./names.js";
import { bytes, idOf, optional, parseOptional, type Reply } from "./operation-record.js";
import { runConfirmed, type WaitForReplicas } from "./replicas.js";
import { type Argument, runScript, type Script, scriptOf } from "./script.js";

const peek = scriptOf(peekLua);
const take = scriptOf(takeLua);
const stats = scriptOf(statsLua);
const scopes = scriptOf(scopesLua);

export interface DueWorkScripts {
  claimDue(request: ClaimDueRequest, isGivenUp: () => boolean): Promise<DueWork[]>;
  stats(scope: string | undefined): Promise<StoreStats>;
  scopes(): Promise<string[]>;
}

type Group = readonly Partition[];
type Found = Answer | Error;

interface Answer {
  group: Group;
  reply: Reply;
}

export function dueWorkOf(
  { client, silence }: Link,
  { partitions }: Names,
  waitForReplicas: WaitForReplicas | undefined,
  timeoutMs: number,
): DueWorkScripts {
  /** A proxy before a cluster takes the keys of one slot in a command. */
  let oneSlot = false;

  /** Partitions that may share a command that only reads. */
  function groups(): Group[] {
    if (oneSlot) return partitions.map((partition) => [partition]);
    if (!isCluster(client)) return [partitions];
    const byMaster = new Map<string, Partition[]>();
    for (const partition of partitions) {
      // Unknown while the client learns about the nodes: then each by itself.
      const master = client.slots[partition.slot]?.[0] ?? `slot ${partition.slot}`;
      byMaster.set(master, [...(byMaster.get(master) ?? []), partition]);
    }
    return [...byMaster.values()];
  }

  function callOf(group: Group, args: readonly Argument[]): [keys: string[], args: Argument[]] {
    const [first, ...others] = group as [Partition, ...Partition[]];
    if (!isCluster(client)) return [group.map(({ base }) => base), [group.length, 0, ...args]];
    return [
      [first.base, first.nothing],
      [1, others.length, ...others.map(({ tag }) => tag), ...args],
    ];
  }

  async function read(script: Script, group: Group, args: readonly Argument[]): Promise<Found[]> {
    const [first] = group as [Partition];
    const [keys, all] = callOf(group, args);
    const [elsewhere, ...reply] = (await silence.during(first.slot, () =>
      runScript(client, script, keys, all),
    )) as unknown[];
    // Each by itself: the client then learns where it is. One that is moving just now rejects.
    const moved = (elsewhere as unknown[]).map((place) => group[Number(place) - 1] as Partition);
    const others = await Promise.allSettled(moved.map((partition) => read(script, [partition], args)));
    return [
      { group, reply },
      ...others.flatMap((one) => (one.status === "fulfilled" ? one.value : [one.reason])),
    ];
  }

  /** What each node answers, or fails with. */
  async function everywhere(
    script: Script,
    args: readonly Argument[],
    patienceMs = timeoutMs,
  ): Promise<Found[]> {
    const found = await Promise.allSettled(
      groups().map((group) =>
        inTime(patienceMs, read(script, group, args), () => silence.end(2 * timeoutMs)),
      ),
    );
    const all = found.flatMap((one): Found[] => (one.status === "fulfilled" ? one.value : [one.reason]));
    if (oneSlot || !all.some((one) => isError(one, "CROSSSLOT"))) return all;
    oneSlot = true;
    return everywhere(script, args, patienceMs);
  }

  /** Throws where one fails: half of a count is none. */
  async function fromAll(script: Script, args: readonly Argument[]): Promise<Reply[]> {
    return (await everywhere(script, args)).map((found) => {
      if ("reply" in found) return found.reply;
      throw found;
    });
  }

  async function hand(group: Group, args: readonly Argument[]): Promise<readonly unknown[]> {
    const [first] = group as [Partition];
    const [keys, all] = callOf(group, args);
    return silence.during(first.slot, async () => {
      if (waitForReplicas === undefined) return (await runScript(client, take, keys, all)) as unknown[];
      const { reply, unconfirmed } = await runConfirmed(client, waitForReplicas, take, keys, all);
      if (unconfirmed !== undefined) throw unconfirmed;
      return reply as unknown[];
    });
  }

  return {
    async claimDue({ scopes, owner, leaseMs, limit }, isGivenUp) {
      if (scopes.length === 0 || limit < 1) return [];
      const named = [scopes.length, ...scopes];
      // A node that is down may not answer at all: there must be time left for the work of the others.
      const seen = answersOf(await everywhere(peek, [owner, limit, ...named], timeoutMs / 2)).map(placed);
      // A resent call: only who handed something out is asked, and gives the same again.
      const handed = seen.flatMap((one) => one.handed);
      const chosen =
        handed.length > 0
          ? handed.map((partition) => ({ partition, kind: "again" as const }))
          : shareOut(
              seen.flatMap((one) => one.runs),
              seen.flatMap((one) => one.letters),
              limit,
            );
      // All on one server is one call. In a Cluster, and behind a proxy, a call that writes concerns one partition.
      const together =
        oneSlot || isCluster(client) ? [...new Set(chosen.map(({ partition }) => partition))] : [];
      const calls =
        together.length > 0
          ? together.map((partition) => [partition])
          : chosen.length > 0
            ? [partitions]
            : [];
      // Whatever is handed out now would be handed to nobody.
      if (isGivenUp()) return [];
      const work = await Promise.allSettled(
        calls.map((group) => {
          const here = chosen.filter(({ partition }) => group.includes(partition));
          const places = (kind: string) => here.filter((one) => one.kind === kind).length;
          const mark = waitForReplicas === undefined ? 0 : 1;
          return hand(group, [owner, leaseMs, places("run"), places("letter"), mark, ...named]);
        }),
      );
      const taken = work.map((one) => (one.status === "fulfilled" ? one.value : (one.reason as Error)));
      return answersOf(taken).flatMap((one) => one.map((piece) => workOf(piece as Reply)));
    },

    async stats(scope) {
      const total: StoreStats = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0, unsettled: 0 };
      for (const [owed, oldest, ...counts] of await fromAll(stats, [optional(scope)])) {
        total.unsettled += Number(owed);
        if (String(oldest) !== "") {
          total.oldestWaitingAt = Math.min(total.oldestWaitingAt ?? Number.POSITIVE_INFINITY, Number(oldest));
        }
        for (let i = 0; i < counts.length; i += 2) {
          total[String(counts[i]) as "running"] += Number(counts[i + 1]);
        }
      }
      return total;
    },

    async scopes() {
      const replies = await fromAll(scopes, []);
      return [...new Set(replies.flat().map(String))].sort();
    },
  };
}

interface Due {
  kind: "run" | "letter";
  at: number;
  partition: Partition;
}

/** One node that fails does not keep back the work of the others. Throws where all fail. */
function answersOf<T extends object>(found: readonly (T | Error)[]): T[] {
  const answers = found.filter((one): one is T => !(one instanceof Error));
  const [failure] = found;
  if (answers.length === 0 && failure !== undefined) throw failure;
  return answers;
}

/** A reply of `peek`, with partitions in place of their places. */
function placed({ group, reply: [handed, runs, letters] }: Answer): {
  handed: Partition[];
  runs: Due[];
  letters: Due[];
} {
  const partitionAt = (place: unknown): Partition => group[Number(place) - 1] as Partition;
  const due = (kind: Due["kind"], flat: unknown): Due[] => {
    const found: Due[] = [];
    const all = flat as unknown[];
    for (let i = 0; i < all.length; i += 2) {
      found.push({ kind, at: Number(all[i]), partition: partitionAt(all[i + 1]) });
    }
    return found;
  };
  return {
    handed: (handed as unknown[]).map(partitionAt),
    runs: due("run", runs),
    letters: due("letter", letters),
  };
}

function workOf([kind, scope, tenant, key, token, ...rest]: Reply): DueWork {
  const id = idOf(String(scope), parseOptional(tenant), String(key));
  if (String(kind) === "run") {
    const [attempt, recovered, replay, letter, event] = rest;
    return {
      kind: "run",
      id,
      token: Number(token),
      attempt: Number(attempt),
      recovered: Number(recovered) === 1,
      replay: Number(replay) === 1,
      letter: Number(letter) === 1,
      event: bytes(event),
    };
  }
  if (String(kind) === "push") return { kind: "push", id, token: Number(token) };
  return { kind: "remove", id, token: Number(token), bornAt: Number(rest[0]) };
}
