/** What is checked before a server is used: that the data under the prefix are laid out as this store lays them out, and that it keeps them. */
import { HooklatchError } from "@hooklatch/core";
import type { RedisClient } from "./client.js";
import type { Link } from "./link.js";
import { isEvicting, type RedisReport } from "./server-report.js";

export interface Admission {
  /** Rejects with `invalid_option` or `schema_newer`. */
  admit(): Promise<void>;
  /** `store_not_durable`, where the server may drop what it keeps. */
  refuse(report: RedisReport): HooklatchError | undefined;
  /** No more reports are told. */
  forget(): void;
}

/** Of the keys and fields of the store. Raised when an older version would misread them. */
const LAYOUT = 1;

export function admission(
  link: Link,
  options: {
    prefix: string;
    /** Absent: for a queue, which has none. */
    partitions?: number;
    acceptEvictionPolicy: string | undefined;
    onServer: ((report: RedisReport) => void) | undefined;
  },
): Admission {
  const { prefix, partitions, acceptEvictionPolicy, onServer } = options;
  const forget = link.onReport((report) => {
    try {
      onServer?.(report);
    } catch {
      // A listener's failure is its own.
    }
  });
  return {
    forget,
    async admit() {
      if (partitions !== undefined) await checkLayout(link.client, `${prefix}:{0}:layout`, partitions);
    },
    refuse({ nodes }) {
      const evicting = nodes.find(
        ({ evictionPolicy }) => isEvicting(evictionPolicy) && evictionPolicy !== acceptEvictionPolicy,
      );
      if (evicting === undefined) return undefined;
      return new HooklatchError(
        "store_not_durable",
        `Redis may drop events and claims when memory is short (maxmemory-policy ${evicting.evictionPolicy}). Set it to ` +
          `noeviction, or accept the loss with acceptEvictionPolicy: "${evicting.evictionPolicy}".`,
      );
    },
  };
}

/** The first store under a prefix writes down how it lays out its data; all others must agree. */
async function checkLayout(client: RedisClient, key: string, partitions: number): Promise<void> {
  await client.callBuffer("hsetnx", [key, "partitions", partitions]);
  await client.callBuffer("hsetnx", [key, "layout", LAYOUT]);
  const [kept, layout] = ((await client.callBuffer("hmget", [key, "partitions", "layout"])) as unknown[]).map(
    Number,
  );
  if (Number(layout) > LAYOUT) {
    const text = `The data were written by a newer Hooklatch (layout ${layout}, this one knows ${LAYOUT}). Upgrade it.`;
    throw new HooklatchError("schema_newer", text);
  }
  if (kept !== partitions) {
    throw new HooklatchError(
      "invalid_option",
      `redisStore: option \`partitions\` is wrong: it is fixed at its first use, and there it was ${kept}, not ${partitions}.`,
    );
  }
}
