import { setTimeout as sleep } from "node:timers/promises";
import type { WaitForReplicas } from "@hooklatch/redis";
import { type RedisProcess, startProxy, startRedis, type TcpProxy } from "@hooklatch/servers";
import { expect, test } from "vitest";
import type { Rule } from "../src/checker.js";
import type { Entry, History } from "../src/ledger.js";
import { describe, type Rig } from "../src/rig.js";
import { ask, promote } from "../src/store-nemesis.js";
import { storm } from "../src/storm.js";
import { backendOn, onOwnServers } from "./redis-servers.js";

const CUT_FOR_MS = 2_000;
/** More than so many answers in the cut, or it has shown nothing. */
const ACKNOWLEDGED = 20;
const REFUSED = 3;

interface Pair {
  master: RedisProcess;
  replica: RedisProcess;
  /** Between the apps and the master. */
  front: TcpProxy;
  /** Between the replica and its master. */
  link: TcpProxy;
  /** Where connections to `front` end from now on. */
  redirect(to: RedisProcess): void;
}

async function withPair<T>(act: (pair: Pair) => Promise<T>): Promise<T> {
  const master = await startRedis({ persistence: "aof-always", args: ["--repl-diskless-sync-delay", "0"] });
  const target = { host: master.host, port: master.port };
  const [front, link] = await Promise.all([startProxy(target), startProxy(master)]);
  const replica = await startRedis({
    persistence: "aof-always",
    args: ["--replicaof", "127.0.0.1", String(link.port)],
  });
  try {
    for (let have = 0; have < 1; have = Number(await ask(master, "wait", 1, 1_000)));
    return await act({
      master,
      replica,
      front,
      link,
      redirect: ({ port }) => Object.assign(target, { port }),
    });
  } finally {
    await Promise.all([front.close(), link.close(), master.stop(), replica.stop()]);
  }
}

/** The replica stops hearing from its master for a while; then the master dies, and the replica takes its place. */
function loseMaster({ master, replica, front, link, redirect }: Pair) {
  return async ({ note, history }: Rig): Promise<void> => {
    await history.until("heard", ({ name }) => name === "completed");
    await sleep(500);
    note({ kind: "storeFault", fault: "cut", of: replica.url });
    link.behave("halfOpen");
    await sleep(CUT_FOR_MS);
    // A busy machine answers few deliveries in that time: it goes on until there were enough.
    await history.until("answer", () => {
      const { acknowledged, refused } = answersInCut(history.entries);
      return acknowledged > ACKNOWLEDGED || refused > REFUSED;
    });
    note({ kind: "storeFault", fault: "kill", of: master.url });
    front.behave("refuse");
    // What the replica has not heard, it will never hear.
    link.behave("refuse");
    await master.kill();
    await promote(replica, note);
    redirect(replica);
    front.behave("pass");
    // The old master comes back as the replica of the new one, as Sentinel would have it.
    await master.restart();
    await ask(master, "replicaof", replica.host, replica.port);
    await sleep(1_500);
  };
}

/** What was answered in the time in which nothing reached the replica, about events that nobody had heard of before. */
function answersInCut(entries: readonly Entry[]): Record<"acknowledged" | "refused", number> {
  const at = (fault: string) => entries.find((one) => one.kind === "storeFault" && one.fault === fault)?.at;
  const [from = 0, to = Number.POSITIVE_INFINITY] = [at("cut"), at("kill")];
  const older = new Set<string>();
  const count = { acknowledged: 0, refused: 0 };
  for (const entry of entries) {
    if (entry.kind !== "answer" || entry.at > to) continue;
    if (entry.sentAt < from) older.add(entry.key);
    else if (!older.has(entry.key)) count[entry.status < 300 ? "acknowledged" : "refused"]++;
  }
  return count;
}

async function loseMasterUnderLoad(waitForReplicas?: WaitForReplicas) {
  return withPair(async (pair) => {
    const backend = { ...backendOn(pair.front.url()), ...(waitForReplicas ? { waitForReplicas } : {}) };
    let history: History | undefined;
    const verdict = await storm({
      backend,
      app: { maxAttempts: 8, leaseMs: 1_500 },
      senders: 4,
      faults(rig) {
        history = rig.history;
        return loseMaster(pair)(rig);
      },
    });
    const broken = (...rules: Rule[]) =>
      new Set(verdict.violations.filter(({ rule }) => rules.includes(rule)).map(({ key }) => key)).size;
    const inCut = answersInCut(history?.entries ?? []);
    const figures = { lost: broken("R1"), twice: broken("R2", "R6"), inCut };
    console.log(
      `waitForReplicas ${JSON.stringify(waitForReplicas)}: ${JSON.stringify(figures)}\n${describe(verdict)}`,
    );
    return { verdict, ...figures };
  });
}

// A replica has what it has heard; what it has not, its promotion loses. This is what docs/redis.md says about fail-overs.
onOwnServers("a replica that has not heard everything takes the place of its master", () => {
  test("without waitForReplicas, what was acknowledged meanwhile is lost", async () => {
    const { lost, inCut, verdict } = await loseMasterUnderLoad();
    expect(verdict.figures.storeFaults).toBe(3);
    expect(inCut.acknowledged).toBeGreaterThan(ACKNOWLEDGED);
    expect(lost).toBeGreaterThan(0);
  }, 120_000);

  test("with waitForReplicas, deliveries are refused meanwhile, and nothing that was acknowledged is lost", async () => {
    const { inCut, verdict } = await loseMasterUnderLoad({ count: 1, timeoutMs: 30 });
    expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
    expect(verdict.unacknowledged).toEqual([]);
    expect(verdict.figures.storeFaults).toBe(3);
    expect(inCut.acknowledged).toBe(0);
    expect(inCut.refused).toBeGreaterThan(REFUSED);
  }, 120_000);
});
