/** Load and faults together, for as long as it takes to do all of them. */
import { killSome, pauseSome, terminateSome } from "./nemesis.js";
import { type Rig, type RigOptions, type Verdict, withRig } from "./rig.js";
import { startLoad } from "./sender.js";

export interface StormOptions extends RigOptions {
  kills?: number;
  pauses?: number;
  terminations?: number;
  /** What else goes wrong, meanwhile. */
  faults?: (rig: Rig) => Promise<void>;
  /** Default: 8. */
  senders?: number;
  onProgress?: (text: string) => void;
}

export interface StormVerdict extends Verdict {
  /** Events that patient senders gave up. */
  unacknowledged: string[];
}

export function storm(options: StormOptions): Promise<StormVerdict> {
  const { kills = 0, pauses = 0, terminations = 0, faults, senders = 8, onProgress } = options;
  return withRig(options, async (rig) => {
    const { fleet, random, tuning } = rig;
    const load = startLoad(senders, rig.senders);
    const progress = (what: string, times: number) => (done: number) => {
      if (done % 25 === 0 || done === times)
        onProgress?.(`${what} ${done}/${times}, events sent ${load.sent}`);
    };
    const target = { fleet, random };
    await Promise.all([
      faults?.(rig),
      killSome({ ...target, times: kills, everyMs: [20, 350], onProgress: progress("kills", kills) }),
      pauseSome(
        { ...target, times: pauses, everyMs: [100, 2_000], onProgress: progress("pauses", pauses) },
        tuning.leaseMs,
      ),
      terminateSome({
        ...target,
        times: terminations,
        everyMs: [500, 3_000],
        onProgress: progress("terminations", terminations),
      }),
    ]);
    const { unacknowledged } = await load.stop();
    return { ...(await rig.finish(60_000)), unacknowledged };
  });
}
