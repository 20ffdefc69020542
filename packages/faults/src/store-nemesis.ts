/** What goes wrong with Redis servers that the harness started itself. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisProcess } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { type Note, now } from "./ledger.js";

/** `kill -9`, and after `downMs` the same server again, with what its disk has. Resolves when it has loaded that. */
export async function restartServer(server: RedisProcess, downMs: number, note: Note): Promise<void> {
  note({ kind: "storeFault", fault: "kill", of: server.url });
  await server.kill();
  await sleep(downMs);
  await server.restart();
  note({ kind: "storeFault", fault: "up", of: server.url });
}

/** `CLIENT PAUSE`: connections stay open, and nothing is carried out before `ms` are over. Resolves when they are. */
export async function pauseServer(server: RedisProcess, ms: number, note: Note): Promise<void> {
  note({ kind: "storeFault", fault: "pause", of: server.url });
  await ask(server, "client", "pause", ms, "all");
  await sleep(ms);
  note({ kind: "storeFault", fault: "up", of: server.url });
}

/** The server forgets all scripts, `times` times. Resolves to how often one was called that it did not know. */
export function flushScripts(server: RedisProcess, times: number, note: Note): Promise<number> {
  return withClient(server, async (client) => {
    await client.call("config", ["resetstat"]);
    for (let flush = 0; flush < times; flush++) {
      note({ kind: "storeFault", fault: "flush", of: server.url });
      await client.call("script", ["flush"]);
      await sleep(20);
    }
    const errors = String(await client.call("info", ["errorstats"]));
    return Number(/errorstat_NOSCRIPT:count=(\d+)/.exec(errors)?.[1] ?? 0);
  });
}

/** Makes a replica a master by itself: what its old master had not sent is lost. */
export async function promote(replica: RedisProcess, note: Note): Promise<void> {
  note({ kind: "storeFault", fault: "promote", of: replica.url });
  await ask(replica, "replicaof", "no", "one");
}

/** A replica of a Cluster and its master change places, after the master has sent all. Resolves when that is so. */
export async function failOver(pair: readonly RedisProcess[], note: Note): Promise<void> {
  const roles = await Promise.all(pair.map(async (node) => ({ node, role: await roleOf(node) })));
  const replica = roles.find(({ role }) => role === "slave")?.node;
  if (replica === undefined) throw new Error("None of them is a replica.");
  note({ kind: "storeFault", fault: "failover", of: replica.url });
  const deadline = now() + 30_000;
  for (let askAgainAt = 0; (await roleOf(replica)) !== "master"; await sleep(20)) {
    if (now() > deadline) throw new Error(`${replica.url} did not become a master.`);
    if (now() < askAgainAt) continue;
    await ask(replica, "cluster", "failover");
    // A server gives up after 5 s, silently, when the master or the votes of the others did not come in time.
    askAgainAt = now() + 5_500;
  }
}

async function roleOf(server: RedisProcess): Promise<unknown> {
  const [role] = (await ask(server, "role")) as unknown[];
  return role;
}

/** One command on a connection of its own. */
export function ask(server: RedisProcess, name: string, ...args: (string | number)[]): Promise<unknown> {
  return withClient(server, (client) => client.call(name, args));
}

async function withClient<T>(server: RedisProcess, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(server.url, { retryStrategy: () => null });
  client.on("error", () => {});
  try {
    return await act(client);
  } finally {
    client.disconnect();
  }
}
