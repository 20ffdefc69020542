/**
 * The way to the server, one for each client object: when commands may be sent, and what the server promised when it was last asked.
 *
 * Nothing is handed to a client that is not connected. ioredis would queue it and send it whenever the server is back, long after the
 * caller was told that there is no answer.
 */
import { HooklatchError } from "@hooklatch/core";
import { isCluster, masters, type RedisClient } from "./client.js";
import { isError, unavailable } from "./failures.js";
import { inspectRedis, type RedisReport } from "./server-report.js";
import { type Silence, silenceOf } from "./silence.js";

export interface Link {
  readonly client: RedisClient;
  /** What the server can promise. Absent until it was asked, and after each reconnection until it was asked again. */
  readonly report: RedisReport | undefined;
  /** Resolves to the report once commands can be sent. Waits for a connection for as long as it takes. */
  ready(): Promise<RedisReport>;
  /** The next `ready` asks the server once more, because its settings may have been put right. At most once a second. */
  askAgain(): void;
  readonly silence: Silence;
  /**
   * A server that has become a replica refuses writes until the client is connected to its master. ioredis does that only where the server
   * ends the connection; where the error says so, it is done here. Not more often than is sensible.
   */
  noticeReadOnly(error: unknown): void;
}

const ASK_AGAIN_AFTER_MS = 1_000;
const ASK_ALL_AFTER_MS = 5_000;
const LEAVE_AGAIN_AFTER_MS = 200;

const links = new WeakMap<RedisClient, Link>();

/** @throws {HooklatchError} `invalid_option` when it is no ioredis client */
export function linkOf(client: RedisClient, what: string): Link {
  if (typeof client?.evalsha !== "function" || typeof client.on !== "function") {
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
  let leftAt = 0;
  /** The connection was given up, and its successor is not there yet, whatever the status says. */
  let leaving = false;
  const silence = silenceOf(client, () => {
    leaving = !isCluster(client);
  });
  const isReady = (): boolean => client.status === "ready" && !leaving;
  const waiting = new Set<() => void>();

  function wake(): void {
    for (const resolve of waiting) resolve();
    waiting.clear();
  }
  /** Another connection may be one to another server, with other settings. */
  client.on("ready", () => {
    forsake();
    leaving = false;
    report = undefined;
    asking = undefined;
    wake();
  });
  client.on("end", wake);
  /** Ends the wait for an answer that may never come: it was asked over a connection that is gone. */
  let forsake: () => void = () => {};
  let renewing = false;
  /** A new master may have other settings. What is known of the others holds meanwhile. Several come in one turn. */
  function nodeAdded(): void {
    if (renewing) return;
    renewing = true;
    setImmediate(() => {
      renewing = false;
      if (client.status === "ready") ask().catch(() => {});
    });
  }
  if (isCluster(client)) client.on("+node", nodeAdded);

  async function connection(): Promise<void> {
    while (!isReady()) {
      if (client.status === "end") throw new Error("the client was disconnected, and does not reconnect");
      // A client with lazyConnect. Its failure is told by its own events.
      if (client.status === "wait") client.connect().catch(() => {});
      await silence.during(0, () => new Promise<void>((resolve) => waiting.add(resolve)));
    }
  }

  function ask(): Promise<RedisReport> {
    const gone = new Promise<never>((_, reject) => {
      forsake = () => reject(new Error("The connection was replaced."));
    });
    const mine = silence
      .during(0, () => Promise.race([inspectRedis(client), gone]))
      .then(
        (answer) => {
          // Not if reconnected meanwhile: it may not be the answer of the server that is there now.
          if (asking === mine) {
            askedAt = performance.now();
            report = answer;
            // Some did not answer: they must be asked before long, for they may have other settings.
            if (answer.nodes.length < masters(client).length) setTimeout(nodeAdded, ASK_ALL_AFTER_MS).unref();
          }
          return answer;
        },
        (error: unknown) => {
          if (asking === mine) asking = undefined;
          throw error;
        },
      );
    asking = mine;
    return mine;
  }

  async function known(): Promise<RedisReport> {
    for (;;) {
      await connection();
      const mine = asking ?? ask();
      try {
        const answer = await mine;
        if (asking === mine) return answer;
      } catch (error) {
        // Still of this connection: the server could not be asked.
        if (asking === undefined || asking === mine) throw error;
      }
    }
  }

  async function ready(): Promise<RedisReport> {
    try {
      return await known();
    } catch (error) {
      throw unavailable(error);
    }
  }

  return {
    client,
    silence,
    get report() {
      return isReady() ? report : undefined;
    },
    ready,
    askAgain() {
      if (performance.now() - askedAt > ASK_AGAIN_AFTER_MS) asking = undefined;
    },
    noticeReadOnly(error) {
      if (isCluster(client) || !isError(error, "READONLY") || client.status !== "ready") return;
      const now = performance.now();
      if (now - leftAt < LEAVE_AGAIN_AFTER_MS) return;
      leftAt = now;
      leaving = true;
      client.disconnect(true);
    },
  };
}
