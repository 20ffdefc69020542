/**
 * The way to the server, one for each client object: when commands may be sent, and what the server promised when it was last asked.
 *
 * Nothing is handed to a client that is not connected. ioredis would queue it and send it whenever the server is back, long after the
 * caller was told that there is no answer.
 */
import { HooklatchError } from "@hooklatch/core";
import { isCluster, type RedisClient } from "./client.js";
import { unavailable } from "./failures.js";
import { inspectRedis, type RedisReport } from "./server-report.js";

export interface Link {
  readonly client: RedisClient;
  /** What the server can promise. Absent until it was asked, and after each reconnection until it was asked again. */
  readonly report: RedisReport | undefined;
  /** Resolves to the report once commands can be sent. Waits for a connection for as long as it takes. */
  ready(): Promise<RedisReport>;
  /** Asks the server once more what it can promise: its settings may have been put right. At most once a second. */
  askAgain(): Promise<RedisReport>;
  /** Something was answered. */
  heard(): void;
  /**
   * A command was not answered in time. When nothing was for `ms`, the connection is given up for a new one: a half-open one would
   * stay silent for as long as the system's TCP timeouts last, long after the server is back.
   */
  silent(ms: number): void;
  /** Told each new report; gives the way to stop listening. */
  onReport(listener: (report: RedisReport) => void): () => void;
}

const ASK_AGAIN_AFTER_MS = 1_000;

const links = new WeakMap<RedisClient, Link>();

/** @throws {HooklatchError} `invalid_option` when it is no ioredis client */
export function linkOf(client: RedisClient, what: string): Link {
  if (typeof client?.callBuffer !== "function" || typeof client.on !== "function") {
    throw new HooklatchError(
      "invalid_option",
      `${what}: pass an ioredis client: new Redis(url), or new Redis.Cluster([…]).`,
    );
  }
  const known = links.get(client);
  if (known !== undefined) return known;
  const link = createLink(client);
  links.set(client, link);
  return link;
}

function createLink(client: RedisClient): Link {
  let report: RedisReport | undefined;
  let asking: Promise<RedisReport> | undefined;
  let askedAt = 0;
  let heardAt = performance.now();
  let revivedAt = 0;
  const listeners = new Set<(report: RedisReport) => void>();
  const waiting = new Set<() => void>();

  /** Another connection may be one to another server, with other settings. */
  function renewed(): void {
    report = undefined;
    asking = undefined;
    wake();
  }
  function wake(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }
  client.on("ready", renewed);
  client.on("end", wake);
  if (isCluster(client)) client.on("+node", renewed);

  async function connection(): Promise<void> {
    while (client.status !== "ready") {
      if (client.status === "end") throw new Error("the client was disconnected, and does not reconnect");
      // A client with lazyConnect. Its failure is told by its own events.
      if (client.status === "wait") client.connect().catch(() => {});
      await new Promise<void>((resolve) => {
        waiting.add(resolve);
      });
    }
  }

  async function ask(): Promise<RedisReport> {
    const answer = await inspectRedis(client);
    heardAt = askedAt = performance.now();
    return answer;
  }

  async function ready(): Promise<RedisReport> {
    for (;;) {
      await connection();
      asking ??= ask();
      const mine = asking;
      try {
        const answer = await mine;
        // Reconnected meanwhile: it may not be the answer of the server that is there now.
        if (asking !== mine) continue;
        if (report === undefined) {
          report = answer;
          for (const listener of listeners) listener(answer);
        }
        return answer;
      } catch (error) {
        if (asking === mine) asking = undefined;
        throw unavailable(error);
      }
    }
  }

  return {
    client,
    get report() {
      return client.status === "ready" ? report : undefined;
    },
    ready,
    askAgain() {
      if (performance.now() - askedAt > ASK_AGAIN_AFTER_MS) renewed();
      return ready();
    },
    heard() {
      heardAt = performance.now();
    },
    silent(ms) {
      const now = performance.now();
      if (now - Math.max(heardAt, revivedAt) < ms) return;
      revivedAt = now;
      for (const node of connectionsOf(client)) {
        // One that is being set up, or waits for its next try, is on its way already.
        if (node.status === "ready" || node.status === "connect") node.disconnect(true);
      }
    },
    onReport(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function connectionsOf(client: RedisClient): RedisClient[] {
  return isCluster(client) ? client.nodes() : [client];
}
