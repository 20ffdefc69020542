/** A Redis Cluster on loopback, formed by hand: `redis-cli` may not be there, and takes longer. */
import { launch, type Persistence, type RedisProcess, SETTINGS } from "./redis-process.js";
import { hasReplicas, REPLICATE_AT_ONCE } from "./replication.js";
import { type Address, ask, askInfo } from "./resp.js";
import { startTogether, stopAll } from "./together.js";
import { until } from "./until.js";

const SLOTS = 16_384;

export interface ClusterOptions {
  /** Default: 3. */
  masters?: number | undefined;
  /** Default: 0. */
  replicasPerMaster?: number | undefined;
  /** Default: `none`. */
  persistence?: Persistence | undefined;
  args?: readonly string[] | undefined;
}

export interface RedisCluster {
  readonly nodes: Address[];
  /** The masters at the start, in the order of their slots: a failover makes one of `replicas` a master. */
  readonly masters: RedisProcess[];
  /** The first is of the first master, and so on, round after round. */
  readonly replicas: RedisProcess[];
  stop(): Promise<void>;
}

/**
 * Resolves when every node knows all others and calls the cluster healthy, and every replica has its master's data: after about 2.5 s,
 * 2 s of which a new master waits by itself. A node that is gone for 2 s is failed over where it has a replica.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { masters: count = 3, replicasPerMaster = 0, persistence = "none", args } = options;
  const own = ["cluster-enabled yes", "cluster-node-timeout 2000"];
  const config = [...SETTINGS[persistence], ...REPLICATE_AT_ONCE, ...own];
  const servers = await startTogether(count * (1 + replicasPerMaster), () => launch({ config, args }));
  const masters = servers.slice(0, count);
  const replicas = servers.slice(count);
  try {
    await form(masters, replicas);
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
  const nodes = servers.map(({ host, port }) => ({ host, port }));
  return { nodes, masters, replicas, stop: () => stopAll(servers) };
}

async function form(masters: readonly RedisProcess[], replicas: readonly RedisProcess[]): Promise<void> {
  const all = [...masters, ...replicas];
  // Different epochs from the start: nodes with the same one would first have to agree.
  await Promise.all(all.map((node, index) => ask(node, ["CLUSTER", "SET-CONFIG-EPOCH", index + 1])));
  await Promise.all(
    masters.map((node, index) => ask(node, ["CLUSTER", "ADDSLOTS", ...slotsOf(index, masters)])),
  );
  // Each pair, so that nobody has to learn of the others by gossip.
  const pairs = all.flatMap((one, index) => all.slice(index + 1).map((other) => [one, other] as const));
  await Promise.all(pairs.map(([one, other]) => ask(one, ["CLUSTER", "MEET", other.host, other.port])));
  await until("every node knows all others", () => every(all, (node) => knows(node, all.length)));

  const ids = await Promise.all(masters.map((node) => ask(node, ["CLUSTER", "MYID"])));
  await Promise.all(
    replicas.map((node, index) => ask(node, ["CLUSTER", "REPLICATE", String(ids[index % ids.length])])),
  );
  await until("the cluster is healthy", () =>
    every(all, (node) => isHealthy(node, all.length, replicas.length)),
  );
  const each = replicas.length / masters.length;
  await until("every replica is online", () => every(masters, (node) => hasReplicas(node, each)));
}

function slotsOf(index: number, { length }: readonly unknown[]): number[] {
  const [from, to] = [index, index + 1].map((bound) => Math.floor((bound * SLOTS) / length)) as [
    number,
    number,
  ];
  return Array.from({ length: to - from }, (_, slot) => from + slot);
}

async function every(
  nodes: readonly RedisProcess[],
  holds: (node: RedisProcess) => Promise<boolean>,
): Promise<boolean> {
  return (await Promise.all(nodes.map(holds))).every(Boolean);
}

interface Known {
  flags: string[];
  connected: boolean;
}

/** What a node says of all nodes, itself included. */
async function nodesIn(node: Address): Promise<Known[]> {
  const lines = String(await ask(node, ["CLUSTER", "NODES"]))
    .trim()
    .split("\n");
  return lines.map((line) => {
    const [, , flags = "", , , , , link] = line.split(" ");
    return { flags: flags.split(","), connected: link === "connected" };
  });
}

async function knows(node: Address, count: number): Promise<boolean> {
  const known = await nodesIn(node);
  const trouble = ["handshake", "noaddr", "fail", "fail?"];
  return (
    known.length === count &&
    known.every(({ flags, connected }) => connected && !flags.some((flag) => trouble.includes(flag)))
  );
}

async function isHealthy(node: Address, count: number, replicas: number): Promise<boolean> {
  if (!(await knows(node, count))) return false;
  const known = await nodesIn(node);
  const info = await askInfo(node, ["CLUSTER", "INFO"]);
  return (
    info.get("cluster_state") === "ok" &&
    info.get("cluster_slots_ok") === String(SLOTS) &&
    known.filter(({ flags }) => flags.includes("slave")).length === replicas
  );
}
