/** How much is allocated, whether or not it is still there at the end. */
import { Session } from "node:inspector/promises";

/** One sample in so many bytes: few enough to be quick, and many for megabytes. */
const SAMPLE_EVERY = 4_096;

/** Bytes of the JavaScript heap. The contents of buffers are elsewhere. */
export async function allocatedBy(act: () => Promise<unknown>): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post("HeapProfiler.startSampling", {
      samplingInterval: SAMPLE_EVERY,
      // These were garbage before the end, and are what a request costs.
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await act();
    const { profile } = await session.post("HeapProfiler.stopSampling");
    return sizeOf(profile.head);
  } finally {
    session.disconnect();
  }
}

interface Node {
  selfSize: number;
  children: readonly Node[];
}

function sizeOf({ selfSize, children }: Node): number {
  return children.reduce((sum, child) => sum + sizeOf(child), selfSize);
}
