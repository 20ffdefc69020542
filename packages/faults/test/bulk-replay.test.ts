/** Replaying a whole queue through five `kill -9`: each letter is put back exactly once. `BULK_LETTERS=50000` for a long run. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { OperationId } from "@hooklatch/core";
import { expect, test } from "vitest";
import { type Backend, withBackend } from "../src/backend.js";
import { BULK_VARIABLE, type BulkConfig } from "../src/bulk-replay-app.js";
import { bundledApp } from "../src/bundle.js";
import { die, forEachOf } from "../src/letters-fill.js";
import { onEachBackend } from "./backends.js";

const LETTERS = Number(process.env.BULK_LETTERS ?? 1_000);
const KILLS = 5;
const PER_SECOND = 10_000;
const idOf = (n: number): OperationId => ({ scope: "bulk", key: `k-${n}` });

/** Replays, until it has done this many steps of its own; then it is killed. Without a number it comes to its end. */
async function run(
  config: BulkConfig,
  killAfter: number | undefined,
): Promise<{ scheduled: number; other: number; code: number | null }> {
  const child = spawn(process.execPath, [await bundledApp("bulk-replay-app")], {
    env: { ...process.env, [BULK_VARIABLE]: JSON.stringify(config) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const sum = { scheduled: 0, other: 0 };
  let steps = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { scheduled, other } = JSON.parse(line) as typeof sum;
    sum.scheduled += scheduled;
    sum.other += other;
    if (scheduled > 0 && ++steps === killAfter) child.kill("SIGKILL");
  });
  const [code] = await once(child, "close");
  return { ...sum, code: code as number | null };
}

onEachBackend((fresh) => {
  test(`${LETTERS} letters, ${KILLS} kills: each is put back exactly once`, {
    timeout: 600_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "hooklatch-bulk-"));
    const backend: Backend = fresh() ?? { kind: "sqlite", file: join(folder, "events.db") };
    try {
      await withBackend(backend, (open) => forEachOf(LETTERS, (n) => die(open, idOf(n))));
      const config = { backend, batchId: "batch-1", perSecond: PER_SECOND };
      // A seventh of the steps in each life, so that something is left for the last one.
      const killAfter = Math.max(1, Math.floor(LETTERS / 50 / (KILLS + 2)));
      for (let kill = 0; kill < KILLS; kill++) {
        const killed = await run(config, killAfter);
        expect(killed).toMatchObject({ code: null, other: 0 });
      }
      const last = await run(config, undefined);
      expect(last).toMatchObject({ code: 0, other: 0 });
      // It did not begin from the start: the others had put back theirs.
      expect(last.scheduled).toBeLessThan(LETTERS - KILLS * killAfter * 50 + 1);
      expect(last.scheduled).toBeGreaterThan(0);
      await withBackend(backend, async (open) => {
        const wrong: string[] = [];
        const due: number[] = [];
        await forEachOf(LETTERS, async (n) => {
          const id = idOf(n);
          const record = await open.store.get(id);
          if (record?.state !== "waiting" || record.round !== 2 || record.replays.length !== 1)
            wrong.push(id.key);
          due.push(record?.dueAt ?? 0);
        });
        expect(wrong).toEqual([]);
        expect(await open.letters.count({})).toBe(LETTERS);
        // And at the rate, over all lives of the batch: never much more than that in any second.
        due.sort((a, b) => a - b);
        const span = (due.at(-1) as number) - (due[0] as number);
        expect(span).toBeGreaterThanOrEqual((LETTERS / PER_SECOND) * 1_000 * 0.9);
        expect(await open.clear?.()).toBeUndefined();
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
