/** Measures each way of growing, one after the other. */
import type { PartOptions } from "../part.js";
import { type BodiesResult, measureBodies } from "./bodies.js";
import { measureProcesses, type ProcessesResult } from "./processes.js";
import { type Filled, measureRecords, type RecordsResult } from "./records.js";
import { startRig } from "./rig.js";

export interface GrowthResult {
  records: RecordsResult[];
  bodies: BodiesResult[];
  processes: ProcessesResult[];
}

export interface GrowthOptions extends PartOptions {
  /** Default: all. */
  only?: readonly (keyof GrowthResult)[] | undefined;
  /** Of `records`. Default: all. */
  filled?: readonly Filled[] | undefined;
}

export async function measureGrowth(options: GrowthOptions): Promise<GrowthResult> {
  const { only = ["records", "bodies", "processes"] } = options;
  const rig = await startRig();
  try {
    return {
      processes: only.includes("processes") ? await measureProcesses(rig, options) : [],
      bodies: only.includes("bodies") ? await measureBodies(rig, options) : [],
      records: only.includes("records") ? await measureRecords(rig, options) : [],
    };
  } finally {
    await rig.stop();
  }
}
