/** What clients ask of servers, as the servers' own MONITOR shows it. */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect as connectTo, type Socket } from "node:net";
import { Redis } from "ioredis";

const BEGINNING = 200;

export type Counts = Record<string, number>;

interface Server {
  url: string;
  host: string;
  port: number;
}

/**
 * The commands that reach each of these servers while `act` runs. They must be the test's own: every client is counted. What a script
 * does is not, because it is no round trip; nor is CONFIG, which MONITOR does not show.
 */
export async function commandsAt(servers: readonly Server[], act: () => Promise<unknown>): Promise<Counts[]> {
  const monitors = await Promise.all(servers.map(monitorOf));
  try {
    await act();
    return await Promise.all(monitors.map((monitor) => monitor.seen()));
  } finally {
    for (const monitor of monitors) monitor.stop();
  }
}

/** The same for one server. */
export async function commandsOn(server: Server, act: () => Promise<unknown>): Promise<Counts> {
  const [counts = {}] = await commandsAt([server], act);
  return counts;
}

async function monitorOf({ url, host, port }: Server) {
  const marker = randomUUID();
  const observer = new Redis(url);
  await observer.ping();
  const socket = connectTo({ host, port });
  socket.write("MONITOR\r\n");
  await once(socket, "data");
  const counted = countUntil(socket, marker);
  // Whoever asks for it hears of its failure.
  counted.catch(() => {});
  return {
    /** What came before this. */
    async seen(): Promise<Counts> {
      await observer.echo(marker);
      return counted;
    },
    stop() {
      observer.disconnect();
      socket.destroy();
    },
  };
}

/** Only the beginnings of lines are kept: a line shows whole payloads. */
async function countUntil(socket: Socket, marker: string): Promise<Counts> {
  const counts: Counts = {};
  let line = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    const [rest = "", ...begun] = String(chunk).split("\n");
    line = (line + rest).slice(0, BEGINNING);
    for (const next of begun) {
      if (line.includes(marker)) return counts;
      const [, source, name = ""] = /^\+\S+ \[\d+ (\S+)\] "([^"]*)"/.exec(line) ?? [];
      // Nodes of a Cluster and their replicas ping each other.
      if (source !== undefined && source !== "lua" && name !== "PING") {
        const command = name.toLowerCase();
        counts[command] = (counts[command] ?? 0) + 1;
      }
      line = next.slice(0, BEGINNING);
    }
  }
  throw new Error("The connection of MONITOR was closed.");
}
