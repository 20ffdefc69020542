/** `idempotency` under `kill -9` and pauses: what a client has seen is final, and a second run is explained by a lease that ran out. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { GUARDED_POINTS } from "../src/guarded-app.js";
import { type GuardedProcess, order, untilMade, withGuardedRig } from "../src/guarded-fleet.js";
import { onEachBackend } from "./backends.js";

const LEASE_MS = 600;
const KILLS = 6;

onEachBackend((fresh) => {
  for (const point of GUARDED_POINTS) {
    test(`killed at ${point}: a retry gets the stored response, or runs when the lease is over`, async () => {
      await withGuardedRig({ backend: fresh(), leaseMs: LEASE_MS }, async ({ start, effects }) => {
        const [first, second] = [await start(point), await start()];
        expect(await order(first.url, "k-1", 40)).toBeUndefined();
        await first.exited;
        const answers = await untilMade(() => [second.url], "k-1", 40);
        const made = answers.pop();
        const stored = point === "complete:after";
        expect(made).toMatchObject({ replayed: stored, run: stored ? "app0.1" : "app1.1" });
        for (const answer of answers) {
          expect(answer).toMatchObject({ status: 409, code: "request_in_progress" });
        }
        expect(await order(second.url, "k-1", 40)).toEqual({ ...made, replayed: true });
        const twice = point === "route:effect" || point === "complete:before";
        expect(effects().get("k-1")).toHaveLength(twice ? 2 : 1);
      });
    }, 30_000);
  }

  test("paused past its lease: its client gets the successor's response, never its own", async () => {
    await withGuardedRig({ backend: fresh(), leaseMs: LEASE_MS }, async ({ start, effects }) => {
      const [paused, other] = [await start(), await start()];
      const keys = Array.from({ length: 5 }, (_, n) => `k-${n}`);
      // Held for so long that the pause finds them at work, however busy the machine is.
      const overtaken = keys.map((key) => order(paused.url, key, 40, 3_000));
      while (effects().size < keys.length) await sleep(5);
      paused.child.kill("SIGSTOP");
      const winners = await Promise.all(
        keys.map(async (key) => (await untilMade(() => [other.url], key, 40)).pop()),
      );
      paused.child.kill("SIGCONT");
      expect(winners.map((winner) => winner?.run?.split(".")[0])).toEqual(keys.map(() => "app1"));
      expect(await Promise.all(overtaken)).toEqual(winners.map((winner) => ({ ...winner, replayed: true })));
    });
  }, 30_000);

  test("a storm of kills: each key ends with one response, whoever asks, and no more runs than kills explain", async () => {
    await withGuardedRig({ backend: fresh(), leaseMs: LEASE_MS }, async ({ start, effects }) => {
      const apps = new Map<string, GuardedProcess>();
      for (const app of [await start(), await start()]) apps.set(app.name, app);
      const urls = () => [...apps.values()].map(({ url }) => url);
      const client = async (key: string) => ({ key, ...(await untilMade(urls, key, 100, 500)).pop() });
      // New keys all the time, with several clients for each, so that duplicates come together.
      let killing = true;
      const keys: string[] = [];
      const clients: ReturnType<typeof client>[] = [];
      const load = (async () => {
        while (killing) {
          const key = `k-${keys.length}`;
          keys.push(key);
          clients.push(client(key), client(key), client(key));
          await sleep(40);
        }
      })();
      for (let kill = 0; kill < KILLS; kill++) {
        const victim = apps.get(await nextEffect(effects));
        // It has just had an effect, and has not answered yet.
        victim?.child.kill("SIGKILL");
        apps.delete(victim?.name ?? "");
        await victim?.exited;
        const successor = await start();
        apps.set(successor.name, successor);
      }
      killing = false;
      await load;
      const all = Promise.all(clients);
      const answers = await all;
      const runs = effects();
      for (const key of keys) {
        const seen = new Set(answers.filter((answer) => answer.key === key).map(({ run }) => run));
        expect([...seen], key).toHaveLength(1);
        expect(runs.get(key)?.length, key).toBeLessThanOrEqual(1 + KILLS);
        expect(runs.get(key)).toContain([...seen][0]);
      }
      const total = [...runs.values()].flat().length;
      const replays = answers.filter(({ replayed }) => replayed).length;
      console.log(`guarded: ${KILLS} kills, ${keys.length} keys, ${total} runs, ${replays} replays`);
      // Each kill cut off at least one run after its effect.
      expect(total).toBeGreaterThanOrEqual(keys.length + KILLS);
    });
  }, 60_000);
});

/** The name of the process that has the next effect. */
async function nextEffect(effects: () => Map<string, string[]>): Promise<string> {
  const all = () => [...effects().values()].flat();
  const before = new Set(all());
  for (;;) {
    const run = all().find((one) => !before.has(one));
    if (run !== undefined) return run.split(".")[0] as string;
    await sleep(5);
  }
}
