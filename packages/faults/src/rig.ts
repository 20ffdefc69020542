/** One run of the harness: a directory, a fleet, a ledger, and the verdict at the end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type AppTuning, type FaultEvent, TUNING } from "./app-config.js";
import { type Backend, withBackend } from "./backend.js";
import { type BugName, chooseBug } from "./bugs.js";
import { bundledApp } from "./bundle.js";
import { check, RULES, type Violation } from "./checker.js";
import { type Figures, figuresOf } from "./figures.js";
import { type FinalState, isFinished, readFinal } from "./final.js";
import { Fleet } from "./fleet.js";
import { History, type Note, now, openLedger } from "./ledger.js";
import { chooseSeed, createRandom, type Random } from "./random.js";
import { type Answer, deliver, type SenderOptions } from "./sender.js";

export interface RigOptions {
  /** Receiver processes. Default: 2. */
  apps?: number;
  /** Default: a SQLite file of the run. A place that is given must be empty, and is emptied at the end. */
  backend?: Backend | undefined;
  app?: Partial<AppTuning> | undefined;
  crashAt?: string | undefined;
  bug?: BugName | undefined;
  restart?: boolean | undefined;
  seed?: number;
}

export interface Verdict {
  seed: number;
  violations: Violation[];
  figures: Figures;
  final: FinalState;
}

export interface Rig {
  readonly seed: number;
  readonly tuning: AppTuning;
  readonly fleet: Fleet;
  readonly history: History;
  readonly note: Note;
  readonly random: Random;
  readonly senders: SenderOptions;
  /** Delivers patiently, to any process. */
  deliver(event: FaultEvent): Promise<Answer | undefined>;
  /** Waits until nothing is left to do; `false` if that did not come in time. */
  drain(patienceMs?: number): Promise<boolean>;
  /** Drains, ends all processes, and judges. */
  finish(drainMs?: number): Promise<Verdict>;
}

/** Runs `act` with a rig, and leaves neither process nor file behind; `FAULTS_KEEP=1` keeps the files. */
export async function withRig<T>(options: RigOptions, act: (rig: Rig) => Promise<T>): Promise<T> {
  const bundle = await bundledApp();
  const directory = mkdtempSync(join(tmpdir(), "hooklatch-faults-"));
  try {
    return await withFleet(options, bundle, directory, act);
  } finally {
    if (process.env.FAULTS_KEEP === undefined) rmSync(directory, { recursive: true, force: true });
    else process.stderr.write(`faults: kept ${directory}\n`);
  }
}

async function withFleet<T>(
  options: RigOptions,
  bundle: string,
  directory: string,
  act: (rig: Rig) => Promise<T>,
): Promise<T> {
  const { apps = 2, crashAt, bug = chooseBug(), restart, seed = chooseSeed() } = options;
  const tuning: AppTuning = { ...TUNING, ...options.app };
  const backend = options.backend ?? { kind: "sqlite", file: join(directory, "events.db") };
  const ledger = join(directory, "ledger.jsonl");
  const note = openLedger(ledger, "harness");
  const history = new History(ledger);
  const random = createRandom(seed);
  const bent = { ...(crashAt === undefined ? {} : { crashAt }), ...(bug === undefined ? {} : { bug }) };
  const config = { ...tuning, ...bent, backend, ledger };
  const fleet = await Fleet.start({ bundle, size: apps, config, note, restart });
  const senders: SenderOptions = { urls: () => fleet.apps.map(({ url }) => url), note, random };

  function drain(patienceMs = 20_000): Promise<boolean> {
    const deadline = now() + patienceMs;
    return withBackend(backend, async (open) => {
      while (!(await isFinished(open))) {
        if (now() > deadline) return false;
        await sleep(50);
      }
      return true;
    });
  }

  async function finish(drainMs?: number): Promise<Verdict> {
    await drain(drainMs);
    await fleet.close();
    const entries = history.read();
    const keys = new Set(entries.flatMap((entry) => ("key" in entry && entry.key !== "" ? [entry.key] : [])));
    const final = await withBackend(backend, (open) => readFinal(open, keys));
    const { leaseMs, maxAttempts } = tuning;
    const violations = check({ entries, final, leaseMs, maxAttempts });
    return { seed, violations, figures: figuresOf(entries, final), final };
  }

  try {
    const parts = { seed, tuning, fleet, history, note, random, senders };
    return await act({ ...parts, deliver: (event) => deliver(event, senders), drain, finish });
  } finally {
    await fleet.end();
    history.close();
    if (process.env.FAULTS_KEEP === undefined) await clear(backend);
  }
}

async function clear(backend: Backend): Promise<void> {
  try {
    await withBackend(backend, async (open) => open.clear?.());
  } catch {
    // It is gone, and with it all that it kept.
  }
}

/** What to print, and what to fail with. */
export function describe({ seed, violations, figures }: Verdict): string {
  const happened = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  const wrong = violations
    .slice(0, 20)
    .map(({ rule, key, text }) => `  ${rule} (${RULES[rule]}) ${key ?? ""}: ${text}`);
  const more = violations.length > 20 ? [`  and ${violations.length - 20} more`] : [];
  return [
    `FAULTS_SEED=${seed}: ${violations.length} violations; ${happened.join(", ")}`,
    ...wrong,
    ...more,
  ].join("\n");
}
