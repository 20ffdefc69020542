/** What is checked before a server is used: that the data under the prefix are laid out as this store lays them out, and that it keeps them. */
import { HooklatchError } from "@hooklatch/core";
import { isCluster, type RedisClient } from "./client.js";
import { runScript, scriptOf } from "./script.js";
import { isEvicting, type RedisReport } from "./server-report.js";

export interface Admission {
  /** Called for each new report. Rejects with `invalid_option` or `schema_newer`. */
  admit(report: RedisReport): Promise<void>;
  /** `store_not_durable`, where the server may drop what it keeps. */
  refuse(report: RedisReport): HooklatchError | undefined;
}

/** Of the keys and fields of the store. Raised when an older version would misread them. */
const LAYOUT = 1;

export function admission(
  client: RedisClient,
  options: {
    prefix: string;
    /** Absent: for a queue, which has none. */
    partitions?: number;
    acceptEvictionPolicy: string | undefined;
    onServer: ((report: RedisReport) => void) | undefined;
  },
): Admission {
  const { prefix, partitions, acceptEvictionPolicy, onServer } = options;
  let told: RedisReport | undefined;
  let agreed = false;
  function tell(report: RedisReport): void {
    if (report === told) return;
    told = report;
    try {
      onServer?.(report);
    } catch {
      // A listener's failure is its own.
    }
  }
  return {
    async admit(report) {
      tell(report);
      // In a Cluster it is the same for all, and its node may be the one that is down.
      if (partitions === undefined || (agreed && isCluster(client))) return;
      await checkLayout(client, `${prefix}:{0}:layout`, partitions);
      agreed = true;
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

/** A script, because in a Cluster those always go to a master. It writes only what is missing: a full server refuses every write. */
const layoutScript = scriptOf(`
local kept = redis.call('HMGET', KEYS[1], 'partitions', 'layout')
if kept[1] and kept[2] then return kept end
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[1])
redis.call('HSETNX', KEYS[1], 'layout', ARGV[2])
return redis.call('HMGET', KEYS[1], 'partitions', 'layout')
`);

/** The first store under a prefix writes down how it lays out its data; all others must agree. */
async function checkLayout(client: RedisClient, key: string, partitions: number): Promise<void> {
  const reply = (await runScript(client, layoutScript, [key], [partitions, LAYOUT])) as unknown[];
  const [kept, layout] = reply.map(Number);
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
