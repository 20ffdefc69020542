/**
 * The names of keys. Operations are spread over partitions by the hash of their identity, and each partition has a hash tag of ours: no
 * user text is part of a key, so nobody chooses a slot, or a key, by choosing an idempotency key.
 */
import { HooklatchError, type OperationId, storageKey } from "@hooklatch/core";
import slotOf from "cluster-key-slot";

/** Redis Cluster has this many hash slots: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
const SLOTS = 16_384;
export const MAX_PARTITIONS = 1_024;

export interface Partition {
  readonly tag: string;
  readonly slot: number;
  /** What the keys of the partition begin with. */
  readonly base: string;
  /**
   * A key that never exists, declared by calls in a Cluster beside their own. While a slot moves from node to node, both refuse
   * (`TRYAGAIN`) a call with several keys of which one is missing; so none works on half a partition.
   */
  readonly nothing: string;
}

export interface Names {
  readonly partitions: readonly Partition[];
  /** @throws {HooklatchError} `invalid_key` */
  operation(id: OperationId): { key: string; partition: Partition };
}

export function namesOf(prefix: string, count: number): Names {
  const partitions = tagsOf(count).map((tag) => partitionOf(`${prefix}:{${tag}}:`, tag));
  return {
    partitions,
    operation(id) {
      const name = storageKey(id);
      const partition = partitions[Number.parseInt(name.slice(0, 8), 16) % count] as Partition;
      return { key: `${partition.base}op:${name}`, partition };
    },
  };
}

export function partitionOf(base: string, tag: string): Partition {
  return { tag, slot: slotOf(tag), base, nothing: `${base}nothing` };
}

/**
 * One tag for each partition, so that partition p has its slot in the middle half of the p-th part of all slots: whatever the number of
 * nodes that share the slots in ranges, each has its share of partitions.
 */
function tagsOf(count: number): string[] {
  const tags: string[] = new Array(count).fill("");
  const width = SLOTS / count;
  for (let n = 0, missing = count; missing > 0; n++) {
    const tag = String(n);
    const place = slotOf(tag) / width;
    const partition = Math.floor(place);
    const within = place - partition;
    if (tags[partition] !== "" || within < 0.25 || within > 0.75) continue;
    tags[partition] = tag;
    missing--;
  }
  return tags;
}

/** @throws {HooklatchError} `invalid_option` */
export function checkPrefix(prefix: unknown, what: string): string {
  if (typeof prefix === "string" && /^[^{}\s]{1,100}$/.test(prefix)) return prefix;
  throw new HooklatchError(
    "invalid_option",
    `${what}: option \`prefix\` is wrong: pass 1 to 100 characters without braces or white space.`,
  );
}
