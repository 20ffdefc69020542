/**
 * Notices a connection on which nothing comes back, and has it replaced. A half-open one stays silent for as long as the system's TCP timeouts
 * last, long after the server is back, and ioredis does not mind.
 */
import { isCluster, type RedisClient } from "./client.js";

export interface Silence {
  /** Runs an exchange with the node that has this slot. */
  during<T>(slot: number, exchange: () => Promise<T>): Promise<T>;
  /** Something was not answered in time: nodes that owe answers, and gave none for `ms`, are connected to anew. */
  end(ms: number): void;
}

interface Conversation {
  /** Exchanges that were not answered yet. */
  open: number;
  /** When something was last answered, or the first of these began. */
  since: number;
}

export function silenceOf(client: RedisClient, onGivenUp: () => void): Silence {
  const conversations = new Map<string, Conversation>();

  function conversationWith(node: string): Conversation {
    const known = conversations.get(node) ?? { open: 0, since: 0 };
    conversations.set(node, known);
    return known;
  }

  return {
    async during(slot, exchange) {
      const conversation = conversationWith(isCluster(client) ? (client.slots[slot]?.[0] ?? "") : "");
      if (conversation.open++ === 0) conversation.since = performance.now();
      try {
        return await exchange();
      } finally {
        conversation.open--;
        conversation.since = performance.now();
      }
    },
    end(ms) {
      const now = performance.now();
      for (const [node, conversation] of conversations) {
        if (conversation.open === 0 || now - conversation.since < ms) continue;
        conversation.since = now;
        const connection = isCluster(client) ? client.nodes().find((one) => addressOf(one) === node) : client;
        // One that is being set up, or waits for its next try, is on its way already.
        if (connection?.status !== "ready" && connection?.status !== "connect") continue;
        onGivenUp();
        connection.disconnect(true);
      }
    },
  };
}

/** As in `slots`. */
function addressOf({ options }: RedisClient): string {
  const { host, port } = options as { host?: string; port?: number };
  return `${host}:${port}`;
}
