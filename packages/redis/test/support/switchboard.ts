/** A TCP proxy whose present connections can fall silent for ever while new ones pass, and which can lead to another server. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

interface Address {
  host: string;
  port: number;
}

export interface Switchboard extends Address {
  readonly url: string;
  /** Half-open: what is sent on the present connections goes nowhere, and nobody ends them. */
  silence(): void;
  /** Where new connections lead. */
  leadTo(target: Address): void;
  close(): Promise<void>;
}

export async function openSwitchboard(first: Address): Promise<Switchboard> {
  let target = first;
  const sockets = new Set<Socket>();
  const passing = new Set<Socket>();
  function forward(from: Socket, to: Socket): void {
    sockets.add(from);
    passing.add(from);
    from.on("data", (chunk) => {
      if (passing.has(from)) to.write(chunk);
    });
    from.on("end", () => {
      if (passing.has(from)) to.end();
    });
    from.on("error", () => to.destroy());
    from.on("close", () => sockets.delete(from));
  }
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ ...target, allowHalfOpen: true });
    forward(client, upstream);
    forward(upstream, client);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    url: `redis://127.0.0.1:${port}`,
    silence: () => passing.clear(),
    leadTo(next) {
      target = next;
    },
    async close() {
      const closed = once(server.close(), "close");
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
