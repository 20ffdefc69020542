import { startProxy, type TcpProxy } from "@hooklatch/servers";
import { expect, test } from "vitest";
import { runIn } from "../src/final.js";
import type { Random } from "../src/random.js";
import { describe, type Rig, withRig } from "../src/rig.js";
import { backendOn, onOwnServers, withServer } from "./redis-servers.js";

const EVENTS = 150;
const DROPS = 30;
const AT_ONCE = 8;
const DROP_REPLIES = 0.3;
/** For so long it drops, and for so long it does not: each drop ends a connection, and some must be set up again to lose more. */
const TURN_MS = 250;

/** Gives the way to stop it. */
function loseReplies(proxy: TcpProxy, { next }: Random): () => void {
  let dropping = false;
  const turns = setInterval(() => {
    dropping = !dropping;
    proxy.behave(dropping ? { dropReplies: DROP_REPLIES, random: next } : "pass");
  }, TURN_MS);
  return () => {
    clearInterval(turns);
    proxy.behave("pass");
  };
}

/** Sends events, each once and then until it is acknowledged, for as long as `going()`. Resolves to their ids. */
async function sendWhile(going: (sent: number) => boolean, { deliver, random }: Rig): Promise<string[]> {
  const ids: string[] = [];
  async function send(): Promise<void> {
    while (going(ids.length)) {
      const id = `e${ids.length}`;
      ids.push(id);
      expect(await deliver({ id, ms: random.between(0, 20) }), `${id} was never acknowledged`).toBeDefined();
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return ids;
}

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
        const stop = loseReplies(proxy, rig.random);
        const enough = (sent: number) => sent >= EVENTS && proxy.counts.droppedReplies >= DROPS;
        const ids = await sendWhile((sent) => !enough(sent), rig).finally(stop);
        const verdict = await rig.finish();
        const answers = rig.history.of("answer");
        const firsts = ids.map((id) => answers.find(({ key }) => key === id));
        const ok = firsts.filter((first) => first?.status === 200).length;
        const figures = `${proxy.counts.droppedReplies} replies dropped; ${ok} of ${ids.length} first deliveries answered 200`;
        console.log(`${figures}\n${describe(verdict)}`);

        expect(verdict.violations, `FAULTS_SEED=${verdict.seed}`).toEqual([]);
        expect(verdict.figures).toMatchObject({ runs: ids.length, completed: ids.length, unanswered: 0 });
        for (const first of firsts) {
          const told = `${first?.key}: ${first?.status} ${first?.body}`;
          expect([200, 503], told).toContain(first?.status);
          const run = rig.history.of("start").find(({ key }) => key === first?.key);
          if (first?.status === 200)
            expect([runIn(first.body), first.replayed], told).toEqual([run?.run, false]);
          else expect(run?.at, told).toBeGreaterThan(first?.at ?? 0);
        }
        // Both kinds of answer were seen.
        expect(ok).toBeGreaterThan(ids.length / 4);
        expect(ok).toBeLessThan(ids.length);
      }).finally(() => proxy.close());
    });
  }, 120_000);
});
