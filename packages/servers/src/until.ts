import { setTimeout as sleep } from "node:timers/promises";

/** Resolves as soon as `holds` does; what it throws counts as "not yet". Rejects after `ms`, with what was waited for. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  { ms = 30_000, everyMs = 10 }: { ms?: number; everyMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + ms;
  for (;;) {
    let problem: unknown;
    try {
      if (await holds()) return;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`, { cause: problem });
    await sleep(everyMs);
  }
}
