/** What waits for a server that is away is given up in time, and kept by nobody after that. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createGate } from "../src/gate.js";

describe("a gate", () => {
  it("makes one attempt for all that wait, and another one for whoever comes after a failure", async () => {
    let attempts = 0;
    const wait = createGate(async () => {
      if (++attempts === 1) throw new Error("not yet");
      return attempts;
    }, 1_000);
    const failed = await Promise.allSettled([wait(1_000), wait(1_000)]);
    expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await Promise.all([wait(1_000), wait(1_000)])).toEqual([2, 2]);
  });

  it("rejects each in its own time, and lets go of it", async () => {
    const wait = createGate(() => new Promise(() => {}), 60_000);
    const held: WeakRef<object>[] = [];
    async function waitInVain(): Promise<void> {
      const payload = { bytes: Buffer.alloc(1_024) };
      held.push(new WeakRef(payload));
      await wait(10).catch((error: { code: string }) => {
        expect(error.code).toBe("store_timeout");
        return payload.bytes.length;
      });
    }
    await Promise.all(Array.from({ length: 100 }, waitInVain));
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await sleep(0);
    collect();
    expect(held.filter((one) => one.deref() !== undefined).length).toBeLessThan(5);
  });

  it("follows an attempt that never ends by another one, and tells the first that it counts no more", async () => {
    const counting: (() => boolean)[] = [];
    const wait = createGate((counts) => {
      counting.push(counts);
      return counting.length === 1 ? new Promise<string>(() => {}) : Promise.resolve("there");
    }, 20);
    expect(await wait(5_000)).toBe("there");
    expect(counting.map((counts) => counts())).toEqual([false, false]);
  });
});
