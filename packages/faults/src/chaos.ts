/** `pnpm --filter @hooklatch/faults chaos`: a longer storm than the tests have time for. README.md says what it listens to. */
import { CHAOS_STORES, strikeSome } from "./chaos-stores.js";
import { describe } from "./rig.js";
import { storm } from "./storm.js";

const setting = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const kind = process.env.FAULTS_STORE ?? "sqlite";
const start = CHAOS_STORES[kind];
if (start === undefined) throw new Error(`FAULTS_STORE is one of ${Object.keys(CHAOS_STORES).join(", ")}.`);
const kills = setting("FAULTS_KILLS", 1_000);
const storeFaults = setting("FAULTS_STORE_FAULTS", Math.round(kills / 20));

const store = await start();
try {
  const verdict = await storm({
    backend: store.backend,
    kills,
    pauses: setting("FAULTS_PAUSES", Math.round(kills / 10)),
    terminations: setting("FAULTS_TERMINATIONS", Math.round(kills / 20)),
    faults: (rig) =>
      strikeSome(rig, store, storeFaults, (done) => say(`faults of the store ${done}/${storeFaults}`)),
    apps: setting("FAULTS_APPS", 3),
    senders: setting("FAULTS_SENDERS", 8),
    app: { maxAttempts: 8 },
    onProgress: say,
  });
  const { unacknowledged, violations } = verdict;
  say(`${kind}: ${describe(verdict)}\nnever acknowledged: ${unacknowledged.length}`);
  process.exitCode = violations.length + unacknowledged.length > 0 ? 1 : 0;
} finally {
  await store.stop();
}
