/**
 * `claimDue` and `stats`: what looks at all partitions. One command for each node, however many partitions there are: all at once on a
 * single server, those of a master together in a Cluster.
 */
import type { ClaimDueRequest, DueWork, StoreStats } from "@hooklatch/core";
import { shareOut } from "@hooklatch/core/life";
import { isCluster, type RedisClient } from "./client.js";
import { peekLua, statsLua, takeLua } from "./due-work-lua.js";
import { isError } from "./failures.js";
import type { Names, Partition } from "./names.js";
import { bytes, idOf, optional, parseOptional, type Reply } from "./operation-record.js";
import { type Argument, runScript, type Script, scriptOf } from "./script.js";

const peek = scriptOf(peekLua);
const take = scriptOf(takeLua);
const stats = scriptOf(statsLua);

export interface DueWorkScripts {
  claimDue(request: ClaimDueRequest): Promise<DueWork[]>;
  stats(scope: string | undefined): Promise<StoreStats>;
}

type Group = readonly Partition[];

export function dueWorkOf(client: RedisClient, { partitions }: Names): DueWorkScripts {
  /** A proxy before a cluster takes the keys of one slot in a command. */
  let oneSlot = false;

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

  async function run(script: Script, group: Group, args: readonly Argument[]): Promise<Reply> {
    const [first, ...others] = group as [Partition, ...Partition[]];
    const keys = isCluster(client) ? [first.base] : group.map(({ base }) => base);
    const tags = isCluster(client) ? others.map(({ tag }) => tag) : [];
    return (await runScript(client, script, keys, [tags.length, ...tags, ...args])) as Reply;
  }

  /** The replies of all groups. */
  async function everywhere(script: Script, args: readonly Argument[]): Promise<[Group, Reply][]> {
    try {
      return await Promise.all(
        groups().map(async (group): Promise<[Group, Reply]> => [group, await run(script, group, args)]),
      );
    } catch (error) {
      if (oneSlot || !isError(error, "CROSSSLOT")) throw error;
      oneSlot = true;
      return everywhere(script, args);
    }
  }

  return {
    async claimDue({ scopes, owner, leaseMs, limit }) {
      if (scopes.length === 0 || limit < 1) return [];
      const named = [scopes.length, ...scopes];
      const seen = (await everywhere(peek, [owner, limit, ...named])).map(
        ([group, [handed, runs, letters]]) => ({ group, handed: Number(handed) === 1, runs, letters }),
      );
      // A resent call: only who handed something out is asked, and gives the same again.
      const handed = seen.filter((one) => one.handed);
      const places =
        handed.length > 0 ? handed.map((one) => ({ ...one, runs: 0, letters: 0 })) : share(seen, limit);
      const work = await Promise.all(
        places.map(({ group, runs, letters }) =>
          run(take, group, [owner, Math.ceil(leaseMs), runs, letters, ...named]),
        ),
      );
      return work.flat().map((one) => workOf(one as Reply));
    },

    async stats(scope) {
      const total: StoreStats = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0, unsettled: 0 };
      for (const [, [owed, oldest, ...counts]] of await everywhere(stats, [optional(scope)])) {
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
  };
}

interface Seen {
  group: Group;
  /** When each became due. */
  runs: unknown;
  letters: unknown;
}

/** How many runs and letters each group may hand out, so that all together give the oldest, and no more than `limit`. */
function share(seen: readonly Seen[], limit: number): { group: Group; runs: number; letters: number }[] {
  const due = (kind: "runs" | "letters") =>
    seen.flatMap((one) => (one[kind] as unknown[]).map((at) => ({ at: Number(at), kind, group: one.group })));
  const chosen = shareOut(due("runs"), due("letters"), limit);
  return seen
    .map(({ group }) => {
      const here = chosen.filter((one) => one.group === group);
      const runs = here.filter(({ kind }) => kind === "runs").length;
      return { group, runs, letters: here.length - runs };
    })
    .filter(({ runs, letters }) => runs + letters > 0);
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
