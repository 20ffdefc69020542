import type { PartOptions } from "../part.js";
import { type BodiesResult, measureBodies } from "./bodies.js";
import { measureProcesses, type ProcessesResult } from "./processes.js";
import { measureRecords, type RecordsResult } from "./records.js";
import { startRig } from "./rig.js";

export interface GrowthResult {
  records: RecordsResult[];
  bodies: BodiesResult[];
  processes: ProcessesResult[];
}

export async function measureGrowth(options: PartOptions): Promise<GrowthResult> {
  const rig = await startRig();
  try {
    const processes = await measureProcesses(rig, options);
    const bodies = await measureBodies(rig, options);
    const records = await measureRecords(rig, options);
    return { records, bodies, processes };
  } finally {
    await rig.stop();
  }
}
