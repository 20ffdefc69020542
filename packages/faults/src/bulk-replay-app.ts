/** A process that replays all letters of a queue as one batch, and prints each step: to be killed, and begun again. */
import { replayMany } from "@hooklatch/core";
import { type Backend, openBackend } from "./backend.js";

export const BULK_VARIABLE = "FAULTS_BULK_REPLAY";

export interface BulkConfig {
  backend: Backend;
  batchId: string;
  perSecond: number;
}

async function main({ backend, batchId, perSecond }: BulkConfig): Promise<void> {
  const { store, letters, close } = await openBackend(backend);
  for await (const { items } of replayMany({
    store,
    deadLetters: letters,
    letters: {},
    batchId,
    perSecond,
  })) {
    const counts = { scheduled: 0, already: 0, other: 0 };
    for (const { status } of items)
      counts[status === "scheduled" || status === "already" ? status : "other"]++;
    process.stdout.write(`${JSON.stringify(counts)}\n`);
  }
  await close();
}

const config = process.env[BULK_VARIABLE];
if (config !== undefined) void main(JSON.parse(config) as BulkConfig);
