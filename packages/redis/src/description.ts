/** What a server's settings let the store promise, for people: `hooklatch doctor` and the dashboard show it. */
import type { StoreDescription, StorePromise } from "@hooklatch/core";
import type { WaitForReplicas } from "./replicas.js";
import {
  ASYNCHRONOUS,
  distinct,
  isEvicting,
  type RedisNodeReport,
  type RedisReport,
} from "./server-report.js";

type Kept = Omit<StorePromise, "when">;

/** The worst first. */
const ORDER = ["nothing", "unknown", "most", "everything"] as const;

export function describe(
  { nodes, warnings }: RedisReport,
  { partitions, waitForReplicas }: { partitions: number; waitForReplicas: WaitForReplicas | undefined },
): StoreDescription {
  const of = (fact: (node: RedisNodeReport) => unknown) => distinct(nodes, (node) => String(fact(node)));
  /** All nodes keep together what the worst of them keeps. */
  const promise = (when: string, kept: (node: RedisNodeReport) => Kept): StorePromise => {
    const [worst] = nodes.map(kept).sort((a, b) => ORDER.indexOf(a.keeps) - ORDER.indexOf(b.keeps));
    return { when, ...(worst ?? { keeps: "unknown", why: "No master is known." }) };
  };
  return {
    kind: "redis",
    facts: {
      version: of(({ software, version }) => `${software} ${version}`),
      masters: String(nodes.length),
      role: of(({ role }) => role),
      "maxmemory-policy": of(({ evictionPolicy }) => evictionPolicy),
      maxmemory: of(({ maxMemoryBytes }) => maxMemoryBytes || "no limit"),
      "append-only": of(({ appendOnly }) => appendOnly),
      snapshots: of(({ snapshots }) => (snapshots === "unknown" ? snapshots : snapshots ? "on" : "off")),
      replicas: of(({ replicas }) => replicas),
      "min-replicas-to-write": of(({ minReplicasToWrite }) => minReplicasToWrite),
      waitForReplicas: waitForReplicas
        ? `${waitForReplicas.count}, for ${waitForReplicas.timeoutMs} ms`
        : "none",
      partitions: String(partitions),
    },
    promises: [
      {
        when: "the process is killed",
        keeps: "everything",
        why: "What was confirmed is with the server.",
      },
      promise("the server's process is killed, and started again", afterKill),
      promise("the server's machine loses its power", afterPowerLoss),
      promise("a replica takes the server's place", (node) => afterFailover(node, waitForReplicas)),
      promise("the server's memory is full", whenFull),
    ],
    warnings: [
      ...warnings.filter((text) => text !== ASYNCHRONOUS || waitForReplicas === undefined),
      ...tooFew(nodes, waitForReplicas),
    ],
  };
}

function afterKill(node: RedisNodeReport): Kept {
  switch (node.appendOnly) {
    case "always":
      return { keeps: "everything", why: "Each write is on the disk before it is confirmed." };
    case "no":
      return { keeps: "everything", why: "Each write is with the operating system before it is confirmed." };
    case "everysec":
      return {
        keeps: "most",
        why: "Each write is with the operating system before it is confirmed; but where the disk is slow, up to 2 s are not.",
      };
    default:
      return withoutLog(node);
  }
}

function afterPowerLoss(node: RedisNodeReport): Kept {
  switch (node.appendOnly) {
    case "always":
      return {
        keeps: "everything",
        why: "Each write is on the disk before it is confirmed, if the disk keeps what it synced.",
      };
    case "everysec":
      return { keeps: "most", why: "The last second or two may not be on the disk (appendfsync everysec)." };
    case "no":
      return {
        keeps: "most",
        why: "What the operating system had not written yet is lost (appendfsync no).",
      };
    default:
      return withoutLog(node);
  }
}

/** The same for a kill and a power loss. */
function withoutLog({ appendOnly, snapshots }: RedisNodeReport): Kept {
  if (appendOnly === "unknown" || snapshots === "unknown") {
    return { keeps: "unknown", why: "The server does not say how it writes to disk." };
  }
  return snapshots
    ? { keeps: "most", why: "What came after the last snapshot is lost: there is no append-only file." }
    : { keeps: "nothing", why: "Nothing is written to disk." };
}

/** Never everything: the settings do not say which replica would be promoted. */
function afterFailover({ role, replicas }: RedisNodeReport, wait: WaitForReplicas | undefined): Kept {
  if (role === "unknown")
    return { keeps: "unknown", why: "The server does not say whether it has replicas." };
  if (replicas === 0) return { keeps: "nothing", why: "No replica follows the server." };
  return {
    keeps: "most",
    why:
      wait === undefined
        ? "What was confirmed a moment before may not be on the replica yet."
        : `What was confirmed is on ${wait.count} of them: it is lost only if one that does not have it is promoted.`,
  };
}

function whenFull({ evictionPolicy }: RedisNodeReport): Kept {
  if (evictionPolicy === "unknown") {
    return { keeps: "unknown", why: "The server does not say its maxmemory-policy." };
  }
  return isEvicting(evictionPolicy)
    ? { keeps: "most", why: `Records are dropped to make room (maxmemory-policy ${evictionPolicy}).` }
    : { keeps: "everything", why: "New operations are refused; what runs still ends." };
}

function tooFew(nodes: readonly RedisNodeReport[], wait: WaitForReplicas | undefined): string[] {
  const known = nodes.filter(({ role }) => role !== "unknown");
  const fewest = Math.min(...known.map(({ replicas }) => replicas));
  if (wait === undefined || fewest >= wait.count) return [];
  return [
    `waitForReplicas asks for ${wait.count}, and a master has ${fewest}: nothing is confirmed until there are more.`,
  ];
}
