/** A TCP proxy on loopback between a client and a server that breaks what passes through it, in ways that networks do. */
import { EventEmitter, once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Address } from "./resp.js";

/**
 * `pass`: nothing. `halfOpen`: both directions fall silent, and every socket stays open; what is sent meanwhile arrives when another
 * behaviour follows. `refuse`: connections are reset, the present ones and the new ones.
 */
export type Behaviour = "pass" | "halfOpen" | "refuse" | Trouble;

export interface Trouble {
  /** How probable it is that, instead of passing a chunk on from the server, both sockets are reset: executed, but the reply is lost. */
  dropReplies?: number;
  /** 0 to 1, for `dropReplies`. Default: `Math.random`. */
  random?: () => number;
  /** How much later each chunk arrives, in either direction: a round trip takes twice that. */
  latencyMs?: number;
}

/** How often each fault has really happened. */
export interface ProxyCounts {
  droppedReplies: number;
  delayedChunks: number;
  heldChunks: number;
  refusedConnections: number;
}

export interface TcpProxy {
  readonly port: number;
  /** Default: `redis`. */
  url(protocol?: string): string;
  /** Until the next call; for the connections that there are, too. */
  behave(behaviour: Behaviour): void;
  readonly counts: Readonly<ProxyCounts>;
  /** Resets every connection, and stops listening. */
  close(): Promise<void>;
}

/** Resolves when it listens. It passes everything to `target` until it is told otherwise. */
export async function startProxy(target: Address): Promise<TcpProxy> {
  const proxy = new FaultyProxy(target);
  await proxy.listen();
  return proxy;
}

interface Link {
  client: Socket;
  upstream: Socket;
}

class FaultyProxy implements TcpProxy {
  readonly counts: ProxyCounts = {
    droppedReplies: 0,
    delayedChunks: 0,
    heldChunks: 0,
    refusedConnections: 0,
  };
  readonly #links = new Set<Link>();
  readonly #server: Server;
  #behaviour: Behaviour = "pass";
  readonly #changed = new EventEmitter().setMaxListeners(0);

  constructor(readonly target: Address) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  async listen(): Promise<void> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(protocol = "redis"): string {
    return `${protocol}://127.0.0.1:${this.port}`;
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
    if (behaviour === "refuse") this.counts.refusedConnections += this.#resetAll();
    this.#changed.emit("behaviour");
  }

  async close(): Promise<void> {
    const closed = once(this.#server.close(), "close");
    this.#resetAll();
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#behaviour === "refuse") {
      this.counts.refusedConnections++;
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...this.target, allowHalfOpen: true, noDelay: true });
    const link = { client, upstream };
    this.#links.add(link);
    this.#forward(link, client, upstream);
    this.#forward(link, upstream, client);
  }

  /** Chunks, the end and a breakdown travel one after the other, as on a wire. */
  #forward(link: Link, from: Socket, to: Socket): void {
    let last = Promise.resolve();
    const inTurn = (act: () => void, due = 0): void => {
      last = last.then(async () => {
        const early = due - performance.now();
        if (early > 0) await sleep(early);
        while (this.#behaviour === "halfOpen") await once(this.#changed, "behaviour");
        // A link that was reset meanwhile is over.
        if (this.#links.has(link)) act();
      });
    };
    from.on("data", (chunk) => {
      const { latencyMs = 0 } = this.#trouble();
      if (latencyMs > 0) this.counts.delayedChunks++;
      if (this.#behaviour === "halfOpen") this.counts.heldChunks++;
      inTurn(() => {
        if (from === link.upstream && this.#drops()) this.#reset(link);
        else if (!to.destroyed) to.write(chunk);
      }, performance.now() + latencyMs);
    });
    from.on("end", () => inTurn(() => to.end()));
    from.on("error", () => inTurn(() => this.#reset(link)));
    from.on("close", () => {
      if (to.destroyed) this.#links.delete(link);
    });
  }

  #trouble(): Trouble {
    return typeof this.#behaviour === "object" ? this.#behaviour : {};
  }

  #drops(): boolean {
    const { dropReplies = 0, random = Math.random } = this.#trouble();
    if (dropReplies === 0 || random() >= dropReplies) return false;
    this.counts.droppedReplies++;
    return true;
  }

  #reset(link: Link): void {
    this.#links.delete(link);
    for (const socket of [link.client, link.upstream]) {
      if (!socket.destroyed) socket.resetAndDestroy();
    }
  }

  #resetAll(): number {
    const links = [...this.#links];
    for (const link of links) this.#reset(link);
    return links.length;
  }
}
