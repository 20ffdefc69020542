import { startProxy } from "@hooklatch/servers";
import { expect, test } from "vitest";
import { runIn } from "../src/final.js";
import { describe, withRig } from "../src/rig.js";
import { backendOn, onOwnServers, withServer } from "./redis-servers.js";

const EVENTS = 150;
const DROPS = 30;
const AT_ONCE = 8;
const DROP_REPLIES = 0.3;
/** In turn it drops and passes for so long: each drop ends a connection, and some have to be set up again to lose more. */
const TURN_MS = 250;

/**
 * A reply that is lost on its way leaves the app with a command that was carried out, or was not. What is required then, of events that
 * each have one sender, quick handlers, answers that wait for the outcome (`respondWithinMs: Infinity`) and leases that nobody outlives:
 *
 * - The first delivery of an event, which nobody else can have, is answered `200` with what its own run returned, not with something
 *   stored; or `503`, and then nothing was run for it. Never `202`, which would say that somebody has it; never nothing at all.
 * - A `503` is followed by success: further deliveries are answered 2xx, and the event completes.
 * - No event is run twice, because no lease runs out and no attempt fails.
 */
onOwnServers("replies of Redis that are lost", () => {
  test(`a proxy that drops ${DROP_REPLIES * 100} % of the replies: a first delivery is never told that somebody else has it`, async () => {
    await withServer(async (server) => {
      const proxy = await startProxy(server);
      const app = { respondWithinMs: "never", leaseMs: 20_000, storeTimeoutMs: 300 } as const;
      await withRig({ backend: backendOn(proxy.url()), app }, async (rig) => {
        const { random, history } = rig;
        let dropping = false;
        const turns = setInterval(() => {
          dropping = !dropping;
          proxy.behave(dropping ? { dropReplies: DROP_REPLIES, random: random.next } : "pass");
        }, TURN_MS);
        const events: string[] = [];
        const unacknowledged: string[] = [];
        const send = async (): Promise<void> => {
          while (events.length < EVENTS || proxy.counts.droppedReplies < DROPS) {
            const id = `e${events.length}`;
            events.push(id);
            if ((await rig.deliver({ id, ms: random.between(0, 20) })) === undefined) unacknowledged.push(id);
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, send));
        clearInterval(turns);
        proxy.behave("pass");
        const verdict = await rig.finish();
        const { droppedReplies } = proxy.counts;
        const answers = history.of("answer");
        const starts = history.of("start");
        const firsts = events.map((id) => answers.find(({ key }) => key === id));
        const ok = firsts.filter((first) => first?.status === 200).length;
        const figures = `${droppedReplies} replies dropped; ${ok} of ${events.length} first deliveries were answered 200`;
        console.log(`${figures}\n${describe(verdict)}`);

        expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
        expect(unacknowledged).toEqual([]);
        for (const first of firsts) {
          const told = `${first?.key}: ${first?.status} ${first?.body}`;
          expect([200, 503], told).toContain(first?.status);
          const run = starts.find(({ key }) => key === first?.key);
          if (first?.status === 200) expect(runIn(first.body), told).toBe(run?.run);
          else expect(run === undefined || run.at > (first?.at ?? 0), told).toBe(true);
        }
        const all = events.length;
        expect(verdict.figures).toMatchObject({ runs: all, completed: all, unanswered: 0 });
        // Both kinds of answer were seen.
        expect(ok).toBeGreaterThan(all / 4);
        expect(ok).toBeLessThan(all);
      });
      await proxy.close();
    });
  }, 120_000);
});
