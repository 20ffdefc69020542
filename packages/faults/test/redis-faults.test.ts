import { setTimeout as sleep } from "node:timers/promises";
import { startCluster } from "@hooklatch/servers";
import { expect, test } from "vitest";
import { describe, type Rig } from "../src/rig.js";
import { failOver, flushScripts, pauseServer, restartServer } from "../src/store-nemesis.js";
import { type StormVerdict, storm } from "../src/storm.js";
import { backendOn, onOwnServers, withServer } from "./redis-servers.js";

const KILLS = 5;
const PAUSES = 3;
const PAUSE_MS = 2_500;
const FLUSHES = 150;

function expectNothingLost(verdict: StormVerdict): void {
  console.log(describe(verdict));
  expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
  expect(verdict.unacknowledged).toEqual([]);
}

onOwnServers("faults of Redis under load", () => {
  // What a server with `appendfsync always` has confirmed, it has after `kill -9`.
  test(`${KILLS} kill -9 of the server: nothing acknowledged is lost, nothing completes twice, nothing is stuck`, async () => {
    await withServer(async (server) => {
      async function faults({ random, note, tuning }: Rig): Promise<void> {
        for (let kill = 0; kill < KILLS; kill++) {
          await sleep(random.between(300, 1_200));
          // The first time for so long that no lease outlives it.
          await restartServer(server, kill === 0 ? 2 * tuning.leaseMs : random.between(0, 600), note);
        }
      }
      const verdict = await storm({ backend: backendOn(server.url), app: { maxAttempts: 8 }, faults });
      expectNothingLost(verdict);
      const { storeFaults, refused, recovered, events } = verdict.figures;
      expect(storeFaults).toBe(KILLS);
      // Deliveries met a server that was not there, and runs lost theirs in the middle.
      expect(refused).toBeGreaterThan(KILLS);
      expect(recovered).toBeGreaterThan(0);
      expect(events).toBeGreaterThan(10 * KILLS);
    });
  }, 120_000);

  // "Fail closed": the handler of a delivery whose claim has no answer is not run, and its sender is told so in time.
  test("a server that hangs for longer than storeTimeoutMs: every delivery is answered long before it is back", async () => {
    await withServer(async (server) => {
      const app = { maxAttempts: 8, storeTimeoutMs: 300 };
      async function faults({ random, note, history }: Rig): Promise<void> {
        for (let pause = 0; pause < PAUSES; pause++) {
          await sleep(random.between(300, 800));
          await pauseServer(server, PAUSE_MS, note);
          // It recovers by itself.
          const { at } = history.of("storeFault").at(-1) ?? { at: 0 };
          await history.until("answer", ({ status, sentAt }) => status < 300 && sentAt > at, 5_000);
        }
      }
      const verdict = await storm({ backend: backendOn(server.url), app, faults });
      expectNothingLost(verdict);
      const { storeFaults, refused, unanswered, slowestAnswerMs } = verdict.figures;
      expect(storeFaults).toBe(PAUSES);
      expect(refused).toBeGreaterThan(8 * PAUSES);
      expect(unanswered).toBe(0);
      // storeTimeoutMs, and what a busy machine adds to it.
      expect(slowestAnswerMs).toBeLessThan(PAUSE_MS - 1_000);
    });
  }, 120_000);

  test("SCRIPT FLUSH again and again: no sender is told of it, and no store operation fails", async () => {
    await withServer(async (server) => {
      let heard: unknown[] = [];
      let missing = 0;
      async function faults({ note, history }: Rig): Promise<void> {
        missing = await flushScripts(server, FLUSHES, note);
        heard = history.of("heard").filter(({ name }) => name === "storeError");
      }
      const app = { leaseMs: 15_000, storeTimeoutMs: 5_000 };
      const verdict = await storm({ backend: backendOn(server.url), app, faults });
      expectNothingLost(verdict);
      const { storeFaults, refused, unanswered } = verdict.figures;
      expect({ refused, unanswered, heard }).toEqual({ refused: 0, unanswered: 0, heard: [] });
      console.log(`${storeFaults} times SCRIPT FLUSH, ${missing} times NOSCRIPT`);
      expect(storeFaults).toBe(FLUSHES);
      // Otherwise no script was ever missing when it was called.
      expect(missing).toBeGreaterThan(FLUSHES / 2);
    });
  }, 120_000);

  test("CLUSTER FAILOVER of each master: nothing acknowledged is lost, nothing completes twice, nothing is stuck", async () => {
    const cluster = await startCluster({ masters: 3, replicasPerMaster: 1, persistence: "aof-always" });
    try {
      async function faults({ random, note }: Rig): Promise<void> {
        for (const [place, master] of cluster.masters.entries()) {
          await sleep(random.between(500, 1_000));
          const replica = cluster.replicas[place];
          await failOver(replica === undefined ? [] : [master, replica], note);
        }
        await sleep(1_000);
      }
      const urls = cluster.masters.map(({ url }) => url);
      const backend = { ...backendOn(...urls), cluster: true };
      const verdict = await storm({ backend, app: { maxAttempts: 8 }, faults });
      expectNothingLost(verdict);
      expect(verdict.figures.storeFaults).toBe(3);
      expect(verdict.figures.events).toBeGreaterThan(50);
    } finally {
      await cluster.stop();
    }
  }, 120_000);
});
