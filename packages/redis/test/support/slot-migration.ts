/** Moves one slot from one master of a Cluster to another as `redis-cli --cluster reshard` does, under whatever load there is. */
import type { Address } from "@hooklatch/servers";
import { Redis } from "ioredis";

/** `step` is awaited after each key that has moved. */
export async function migrateSlot(
  slot: number,
  from: Address,
  to: Address,
  masters: readonly Address[],
  step: () => Promise<void>,
): Promise<number> {
  const clients = masters.map(({ host, port }) => new Redis(port, host));
  const [source, target] = [from, to].map(
    (node) => clients[masters.findIndex(({ port }) => port === node.port)],
  );
  if (source === undefined || target === undefined) throw new Error("not one of the masters");
  let moved = 0;
  try {
    const [sourceId, targetId] = await Promise.all([source, target].map((node) => node.cluster("MYID")));
    await target.cluster("SETSLOT", slot, "IMPORTING", String(sourceId));
    await source.cluster("SETSLOT", slot, "MIGRATING", String(targetId));
    for (;;) {
      const [key] = await source.cluster("GETKEYSINSLOT", slot, 1);
      if (key === undefined) break;
      await source.migrate(to.host, to.port, "", 0, 5_000, "KEYS", key);
      moved++;
      await step();
    }
    for (const node of [target, source, ...clients])
      await node.cluster("SETSLOT", slot, "NODE", String(targetId));
  } finally {
    for (const client of clients) client.disconnect();
  }
  return moved;
}
