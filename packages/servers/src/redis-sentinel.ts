/** A master with replicas, watched by sentinels. */
import { launch, type Persistence, type RedisProcess, SETTINGS } from "./redis-process.js";
import { hasReplicas, REPLICATE_AT_ONCE } from "./replication.js";
import { type Address, ask, type Reply } from "./resp.js";
import { startTogether, stopAll } from "./together.js";
import { until } from "./until.js";

const NAME = "mymaster";

export interface SentinelOptions {
  /** Default: 3. More than half of them must agree to a failover. */
  sentinels?: number | undefined;
  /** Default: 1. */
  replicas?: number | undefined;
  /** Default: `none`. */
  persistence?: Persistence | undefined;
}

export interface RedisSentinels {
  readonly name: typeof NAME;
  readonly sentinels: Address[];
  /** The master at the start: a failover makes one of `replicas` the master. */
  readonly master: RedisProcess;
  readonly replicas: RedisProcess[];
  stop(): Promise<void>;
}

/**
 * Resolves when every sentinel knows the others and has found the replicas in order, so that a failover may begin. A master that is
 * gone or silent for 500 ms is failed over. What a failover changes survives `restart()`, as the servers write it to their files.
 */
export async function startSentinels(options: SentinelOptions = {}): Promise<RedisSentinels> {
  const { sentinels: watchers = 3, replicas: followers = 1, persistence = "none" } = options;
  const started: RedisProcess[] = [];
  const config = [...SETTINGS[persistence], ...REPLICATE_AT_ONCE];
  try {
    const master = await launch({ config });
    started.push(master);
    const follow = [...config, `replicaof ${master.host} ${master.port}`];
    const replicas = await startTogether(followers, () => launch({ config: follow }));
    started.push(...replicas);
    // Before there is a sentinel: it asks a master for its replicas at once, and then only every 10 s.
    await until("every replica is online", () => hasReplicas(master, followers));

    const sentinels = await startTogether(watchers, () =>
      launch({ config: watch(master, watchers), args: ["--sentinel"] }),
    );
    started.push(...sentinels);
    await Promise.all(sentinels.map(hurry));
    await until("the sentinels are ready", async () => {
      const ready = await Promise.all(sentinels.map((one) => isReady(one, watchers - 1, followers)));
      return ready.every(Boolean);
    });
    const addresses = sentinels.map(({ host, port }) => ({ host, port }));
    return { name: NAME, sentinels: addresses, master, replicas, stop: () => stopAll(started) };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

/** A failover for which no sentinel got enough votes is tried again after twice its timeout. */
function watch(master: Address, sentinels: number): string[] {
  const quorum = Math.floor(sentinels / 2) + 1;
  return [
    `sentinel monitor ${NAME} ${master.host} ${master.port} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} 500`,
    `sentinel failover-timeout ${NAME} 2000`,
  ];
}

/**
 * Sentinels look around every 10 s and tell each other what they know every 2 s; an old master that comes back waits for four times
 * that. A server that is pinged as seldom as it must answer seems down again and again on a busy machine, and is then told nothing. But
 * what a replica said holds for five pings only, and without its master it is asked every second: with shorter pings it is no good replica
 * half of the time, and not promoted. Sentinels take a stall of 2 s, which a busy machine has, for a broken clock, and rest for 30 s. Servers
 * before 7.0 cannot be told.
 */
async function hurry(sentinel: Address): Promise<void> {
  const periods = ["INFO-PERIOD", 400, "PING-PERIOD", 300, "PUBLISH-PERIOD", 200, "TILT-TRIGGER", 30_000];
  await ask(sentinel, ["SENTINEL", "DEBUG", ...periods]).catch(() => {});
}

async function isReady(sentinel: Address, others: number, replicas: number): Promise<boolean> {
  const master = fields(await ask(sentinel, ["SENTINEL", "MASTER", NAME]));
  const found = (await ask(sentinel, ["SENTINEL", "REPLICAS", NAME])) as Reply[];
  const usable = found
    .map(fields)
    .filter((one) => one.get("flags") === "slave" && one.get("master-link-status") === "ok");
  return (
    master.get("flags") === "master" &&
    master.get("num-other-sentinels") === String(others) &&
    usable.length === replicas &&
    // An error where not enough of the others are seen.
    String(await ask(sentinel, ["SENTINEL", "CKQUORUM", NAME])).startsWith("OK")
  );
}

/** Names and values in turn. */
function fields(reply: Reply): Map<string, string> {
  const words = (reply as Reply[]).map(String);
  return new Map(words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1] ?? ""]] : [])));
}
