/** Places for stores, and the processes that ask them. All is gone when the rig stops. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisProcess, startRedis } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { bundle } from "../bundle.js";
import { moveBeside, type Place, Worker } from "../process.js";
import type { Sample } from "../stores/closed-loop.js";
import { SUBJECTS, type SubjectName } from "../stores/subjects.js";
import type { Opened, Order } from "./program.js";

/** Longer than anything here takes. */
export const NO_LIMIT = 1e9;

/** A file or a server of its own. */
export interface Home {
  address: string;
  /** Of all that is kept in it. */
  bytes(): Promise<number>;
  /** Makes it as new; no store may be open in it. */
  clear(): Promise<void>;
}

export type Asked = Pick<Worker, "stop"> & {
  open(home: Home, eventBytes: number, resultBytes: number): Promise<number>;
  ask(order: Exclude<Order, { do: "open" }>): Promise<Sample>;
};

export async function startRig() {
  const folder = mkdtempSync(join(tmpdir(), "hooklatch bench "));
  const { growth } = await bundle();
  const servers: RedisProcess[] = [];
  const clients: Redis[] = [];
  const workers: Worker[] = [];
  let files = 0;

  async function redisHome(pinned: boolean): Promise<Home> {
    const server = await startRedis();
    servers.push(server);
    if (pinned) moveBeside(server.pid);
    const client = new Redis(server.url);
    clients.push(client);
    return {
      address: server.url,
      bytes: async () => Number(/^used_memory:(\d+)/m.exec(await client.info("memory"))?.[1]),
      clear: async () => void (await client.flushall()),
    };
  }

  function fileHome(): Home {
    const path = join(folder, `${++files}.db`);
    const parts = [path, `${path}-wal`, `${path}-shm`];
    return {
      address: path,
      bytes: async () => statSync(path, { throwIfNoEntry: false })?.size ?? 0,
      async clear() {
        for (const part of parts) rmSync(part, { force: true });
      },
    };
  }

  return {
    /** `pinned`: a server stays beside what is measured. */
    home: async (name: SubjectName, pinned = true): Promise<Home> =>
      SUBJECTS[name].kind === "redis" ? redisHome(pinned) : fileHome(),

    start(name: SubjectName, place: Place = "measured"): Asked {
      const worker = Worker.start(place, growth, [name]);
      workers.push(worker);
      return {
        ask: (order) => worker.ask<Sample>(order),
        async open({ address }, eventBytes, resultBytes) {
          const order: Order = { do: "open", address, eventBytes, resultBytes };
          return (await worker.ask<Opened>(order)).store;
        },
        stop: () => worker.stop(),
      };
    },

    async stop(): Promise<void> {
      await Promise.all(workers.map((worker) => worker.stop()));
      for (const client of clients) client.disconnect();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type Rig = Awaited<ReturnType<typeof startRig>>;
