/** What a Redis server can promise: read from the server itself, and said in plain words. */
import { HooklatchError } from "@hooklatch/core";
import { isCluster, masters, type RedisClient } from "./client.js";
import { inTime } from "./deadline.js";

export interface RedisReport {
  /** Of each node that takes writes; one, unless the client is a `Cluster`. */
  readonly nodes: readonly RedisNodeReport[];
  /** Whether a node may drop records to make room: then nothing that it keeps is safe. */
  readonly evicting: boolean;
  /** What is lost under which fault, a sentence each. Empty where everything confirmed survives what this server can survive. */
  readonly warnings: readonly string[];
  /** All of it in one line, for a log. */
  readonly summary: string;
}

export interface RedisNodeReport {
  readonly software: "redis" | "valkey";
  readonly version: string;
  readonly role: string;
  /** `maxmemory-policy`, or `unknown` where the server does not say. */
  readonly evictionPolicy: string;
  /** `maxmemory` in bytes; 0: no limit. */
  readonly maxMemoryBytes: number;
  /** Append-only file: whether each confirmed write is on disk (`always`), or up to a second later (`everysec`). */
  readonly appendOnly: "off" | "always" | "everysec" | "no" | "unknown";
  /** Snapshots: what was written since the last one is lost with the server. */
  readonly snapshots: boolean | "unknown";
  readonly replicas: number;
  /** `min-replicas-to-write`. */
  readonly minReplicasToWrite: number | "unknown";
}

/** A warning that is of no use to whoever waits for replicas. */
export const ASYNCHRONOUS =
  "Replication is asynchronous: a fail-over loses what had not reached the new master; `waitForReplicas` narrows that.";
const OLDEST = [6, 2] as const;
const NODE_TIMEOUT_MS = 1_000;

/**
 * Asks the server, or each master of a Cluster, for its settings. Works where `CONFIG` is forbidden: what only `CONFIG` tells is then
 * `unknown`.
 *
 * @throws {HooklatchError} `store_version_unsupported` for a Redis older than 6.2
 */
export async function inspectRedis(client: RedisClient): Promise<RedisReport> {
  // A Cluster that is still connecting does not know its masters yet; a command waits until it does.
  if (isCluster(client) && client.status !== "ready") await client.ping();
  const nodes = await inspectNodes(masters(client));
  const evicting = nodes.some(({ evictionPolicy }) => isEvicting(evictionPolicy));
  const warnings = [...new Set(nodes.flatMap(warningsOf))];
  const [first] = nodes;
  const summary =
    first === undefined
      ? "redis: no master is known"
      : [
          `${first.software} ${first.version}${nodes.length > 1 ? ` (cluster of ${nodes.length} masters)` : ""}`,
          `maxmemory-policy ${distinct(nodes, (node) => node.evictionPolicy)}`,
          `append-only ${distinct(nodes, (node) => node.appendOnly)}`,
          `snapshots ${distinct(nodes, (node) => (node.snapshots === true ? "on" : node.snapshots || "off"))}`,
          `replicas ${distinct(nodes, (node) => String(node.replicas))}`,
          warnings.length === 0 ? "keeps what it confirmed" : warnings.join(" "),
        ].join("; ");
  return { nodes, evicting, warnings, summary };
}

/** Those that answer: in a Cluster one that is down must not keep operations from the others. */
async function inspectNodes(clients: readonly RedisClient[]): Promise<RedisNodeReport[]> {
  const [only] = clients;
  if (only !== undefined && clients.length === 1) return [await inspectNode(only)];
  const answers = await Promise.allSettled(clients.map((node) => inTime(NODE_TIMEOUT_MS, inspectNode(node))));
  const old = answers.find(
    (answer) => answer.status === "rejected" && HooklatchError.is(answer.reason, "store_version_unsupported"),
  );
  const nodes = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  if (old?.status === "rejected") throw old.reason;
  if (nodes.length === 0) throw new Error("No master of the cluster answered.");
  return nodes;
}

export function distinct(nodes: readonly RedisNodeReport[], of: (node: RedisNodeReport) => string): string {
  return [...new Set(nodes.map(of))].join("/");
}

export function isEvicting(policy: string): boolean {
  return policy !== "noeviction" && policy !== "unknown";
}

async function inspectNode(client: RedisClient): Promise<RedisNodeReport> {
  // Section by section, because several in one command are not understood before Redis 7.
  const texts = await Promise.all(
    ["server", "memory", "persistence", "replication"].map((section) => asked(client.info(section))),
  );
  const info = new Map(
    texts
      .flatMap((text) => [...String(text ?? "").matchAll(/^(\w+):(.*?)\r?$/gm)])
      .map((line) => [line[1], line[2]]),
  );
  const setting = async (name: string): Promise<string | undefined> => {
    const reply = await asked(client.config("GET", name));
    // A list of names and values, or, as the client is set, a map or an object.
    const values = Array.isArray(reply)
      ? reply.slice(1)
      : reply instanceof Map
        ? [...reply.values()]
        : Object.values(reply ?? {});
    return values.length === 0 ? undefined : String(values[0]);
  };
  const [fsync, save, minReplicas] = await Promise.all([
    setting("appendfsync"),
    setting("save"),
    setting("min-replicas-to-write"),
  ]);
  const valkey = info.get("valkey_version");
  const version = info.get("redis_version") ?? "unknown";
  refuseOld(version);
  const aof = info.get("aof_enabled");
  const appendOnly = aof === "1" ? (fsync ?? "unknown") : aof === "0" ? "off" : "unknown";
  return {
    software: valkey === undefined ? "redis" : "valkey",
    version: valkey ?? version,
    role: info.get("role") ?? "unknown",
    evictionPolicy: info.get("maxmemory_policy") ?? "unknown",
    maxMemoryBytes: Number(info.get("maxmemory") ?? 0),
    appendOnly: appendOnly as RedisNodeReport["appendOnly"],
    snapshots: save === undefined ? "unknown" : save !== "",
    replicas: Number(info.get("connected_slaves") ?? 0),
    minReplicasToWrite: minReplicas === undefined ? "unknown" : Number(minReplicas),
  };
}

/** `undefined` where the server refuses to answer, as many hosts do with `CONFIG`. A connection that fails rejects. */
async function asked(question: Promise<unknown>): Promise<unknown> {
  try {
    return await question;
  } catch (error) {
    if (error instanceof Error && error.name === "ReplyError") return undefined;
    throw error;
  }
}

function refuseOld(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  // Not said: it may be new enough.
  if (Number.isNaN(major) || major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new HooklatchError(
    "store_version_unsupported",
    `Redis ${version} is too old: Hooklatch needs ${OLDEST.join(".")} or later, or Valkey.`,
  );
}

function warningsOf(node: RedisNodeReport): string[] {
  const { evictionPolicy, appendOnly, snapshots, replicas, minReplicasToWrite } = node;
  const warnings: string[] = [];
  if (isEvicting(evictionPolicy)) {
    warnings.push(
      `maxmemory-policy ${evictionPolicy} drops claims and events when memory is short: set noeviction.`,
    );
  }
  if (evictionPolicy === "unknown") {
    warnings.push("The server does not say its maxmemory-policy: it must be noeviction.");
  }
  if (appendOnly === "off") {
    warnings.push(
      snapshots === false
        ? "Nothing is written to disk: a restart of the server loses every event and completion."
        : "There is no append-only file: a crash of the server loses what came after its last snapshot.",
    );
  } else if (appendOnly === "unknown") {
    warnings.push(
      "The server does not say how it writes to disk: with `appendfsync always` it keeps what it confirmed.",
    );
  } else if (appendOnly !== "always") {
    const last = appendOnly === "everysec" ? "the last second or two" : "what the system had not written yet";
    warnings.push(`appendfsync ${appendOnly}: a power loss loses ${last}; \`always\` loses nothing.`);
  }
  if (replicas > 0 && minReplicasToWrite !== undefined) {
    warnings.push(ASYNCHRONOUS);
  }
  return warnings;
}
