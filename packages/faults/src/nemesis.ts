/** What goes wrong, at moments that a seed chooses. */
import { setTimeout as sleep } from "node:timers/promises";
import type { App, Fleet } from "./fleet.js";
import type { Random } from "./random.js";

export interface NemesisOptions {
  fleet: Fleet;
  random: Random;
  /** How many times. */
  times: number;
  /** Between two of them. */
  everyMs: readonly [least: number, most: number];
  onProgress?: ((done: number) => void) | undefined;
}

async function repeatedly(options: NemesisOptions, strike: (app: App) => Promise<void>): Promise<void> {
  const { fleet, random, times, everyMs, onProgress } = options;
  for (let done = 1; done <= times; done++) {
    // With all processes up, so that a slow machine, where they start slowly, still has somebody to work.
    await fleet.full();
    await sleep(random.between(...everyMs));
    await strike(await anyApp(fleet, random));
    onProgress?.(done);
  }
}

async function anyApp(fleet: Fleet, random: Random): Promise<App> {
  while (fleet.apps.length === 0) await sleep(2);
  return random.pick(fleet.apps);
}

/** `kill -9`, in whatever the process is doing; the fleet starts another one. */
export const killSome = (options: NemesisOptions): Promise<void> => repeatedly(options, (app) => app.kill());

/** SIGSTOP for 0.5 to 2.5 leases, then SIGCONT. */
export const pauseSome = (options: NemesisOptions, leaseMs: number): Promise<void> =>
  repeatedly(options, async (app) => {
    app.pause();
    await sleep(leaseMs * (0.5 + 2 * options.random.next()));
    app.resume();
  });

/** SIGTERM, and the process ends in its own time. */
export const terminateSome = (options: NemesisOptions): Promise<void> =>
  repeatedly(options, async (app) => {
    await app.terminate();
  });
