/** An HTTP proxy on loopback that loses replies: what was asked for is done, and nobody learns of it. */
import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** When the connection is reset: while the route runs, and the one to the server with it; or when its reply is there. */
const FAULTS = ["whileItRuns", "beforeTheReply", "withinItsHead"] as const;
type Fault = (typeof FAULTS)[number];

export interface LossyProxy {
  readonly port: number;
  /** How often each of them has really happened. */
  readonly faults: Readonly<Record<Fault, number>>;
  /** Of the replies that were passed on: by status, and those that were marked as replayed. */
  readonly answers: Readonly<Record<string, number>>;
  close(): Promise<void>;
}

/** @param share of the requests that lose their reply; which of them is chosen by the seed, the order in the body and the attempt at it */
export async function startLossyProxy(
  target: number,
  { seed, share }: { seed: number; share: number },
): Promise<LossyProxy> {
  const faults: Record<Fault, number> = { whileItRuns: 0, beforeTheReply: 0, withinItsHead: 0 };
  const answers: Record<string, number> = { replayed: 0 };
  const attempts = new Map<string, number>();

  function faultOf(body: string): Fault | undefined {
    const [order = ""] = /order-\d+/.exec(body) ?? [];
    const attempt = (attempts.get(order) ?? 0) + 1;
    attempts.set(order, attempt);
    const drawn = fraction(`${seed} ${order} ${attempt}`) / share;
    return drawn < 1 ? FAULTS[Math.floor(drawn * FAULTS.length)] : undefined;
  }

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const { method, url: path, headers, socket } = request;
    const fault = faultOf(body.toString());
    if (fault !== undefined) faults[fault]++;
    const sent = httpRequest({ host: "127.0.0.1", port: target, method, path, headers });
    if (fault === "whileItRuns") {
      sent.on("error", () => {});
      // All of it has left us, and the route runs to its end.
      sent.end(body, () => setImmediate(reset));
      return;
    }
    sent.end(body);
    const [reply] = (await once(sent, "response")) as [IncomingMessage];
    const replied = await buffer(reply);
    if (fault === "beforeTheReply") return reset();
    if (fault === "withinItsHead") {
      socket.write("HTTP/1.1 200 OK\r\nContent-Ty", reset);
      return;
    }
    const status = String(reply.statusCode);
    answers[status] = (answers[status] ?? 0) + 1;
    if (reply.headers["idempotent-replayed"] === "true") answers.replayed = (answers.replayed ?? 0) + 1;
    response.writeHead(reply.statusCode ?? 0, reply.headers).end(replied);

    function reset(): void {
      sent.destroy();
      socket.resetAndDestroy();
    }
  }

  const server = createServer((request, response) => void pass(request, response));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    faults,
    answers,
    async close() {
      const closed = once(server.close(), "close");
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Between 0 and 1, always the same for the same text: FNV-1a, then mixed. */
function fraction(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
