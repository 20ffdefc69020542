/** `pnpm --filter @hooklatch/faults chaos`: a longer storm than the tests have time for. README.md says what it listens to. */
import { describe } from "./rig.js";
import { storm } from "./storm.js";

const setting = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);

const kills = setting("FAULTS_KILLS", 1_000);
const verdict = await storm({
  kills,
  pauses: setting("FAULTS_PAUSES", Math.round(kills / 10)),
  terminations: setting("FAULTS_TERMINATIONS", Math.round(kills / 20)),
  apps: setting("FAULTS_APPS", 3),
  senders: setting("FAULTS_SENDERS", 8),
  app: { maxAttempts: 8 },
  onProgress: (text) => process.stdout.write(`${text}\n`),
});
const { unacknowledged, violations } = verdict;
process.stdout.write(`${describe(verdict)}\nnever acknowledged: ${unacknowledged.length}\n`);
process.exitCode = violations.length + unacknowledged.length > 0 ? 1 : 0;
