/** A master and its replica, with something between them that can hold back what is replicated. */
import { type RedisProcess, startProxy, startRedis, type TcpProxy } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { vi } from "vitest";

export interface Replicated {
  master: RedisProcess;
  replica: RedisProcess;
  /** From the replica to the master. `halfOpen`: nothing is replicated, and nobody notices. */
  between: TcpProxy;
  stop(): Promise<void>;
}

export async function startReplicated(): Promise<Replicated> {
  const master = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  const between = await startProxy(master);
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(between.port)] });
  const stop = async () => {
    await Promise.all([master.stop(), replica.stop()]);
    await between.close();
  };
  await hasReplica(master);
  return { master, replica, between, stop };
}

/** Resolves when a replica follows. */
async function hasReplica({ url }: { url: string }): Promise<void> {
  await asking(url, async (client) => {
    if (!/slave0:.*state=online/.test(await client.info("replication"))) throw new Error("no replica yet");
  });
}

/** Makes a server a master, or the replica of another one, and resolves when it is so. */
export async function follow({ url }: { url: string }, master: "nobody" | { host: string; port: number }) {
  const [host, port] = master === "nobody" ? ["NO", "ONE"] : [master.host, master.port];
  await asking(url, async (client) => {
    await client.call("REPLICAOF", [host, port]);
    const state = await client.info("replication");
    const isSo = state.includes(master === "nobody" ? "role:master" : "master_link_status:up");
    if (!isSo) throw new Error(`not yet:\n${state}`);
  });
}

async function asking(url: string, ask: (client: Redis) => Promise<void>): Promise<void> {
  const client = new Redis(url);
  try {
    await vi.waitFor(() => ask(client), { timeout: 20_000, interval: 20 });
  } finally {
    client.disconnect();
  }
}
