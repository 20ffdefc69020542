/** Processes with a guarded route, and clients that retry with the same key until they have an answer that is final. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Backend, withBackend } from "./backend.js";
import { bundledApp } from "./bundle.js";
import { GUARDED_VARIABLE, type GuardedConfig, type GuardedPoint, HOLD_HEADER } from "./guarded-app.js";

export interface GuardedProcess {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
}

export interface GuardedAnswer {
  status: number;
  run: string | undefined;
  code: string | undefined;
  replayed: boolean;
}

export interface GuardedRig {
  start(crashAt?: GuardedPoint): Promise<GuardedProcess>;
  /** The runs of the route that had an effect, by key. */
  effects(): Map<string, string[]>;
}

/** Runs `act`, and leaves neither process nor record behind. */
export async function withGuardedRig(
  { backend, leaseMs }: { backend: Backend | undefined; leaseMs: number },
  act: (rig: GuardedRig) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "hooklatch-guarded-"));
  const place: Backend = backend ?? { kind: "sqlite", file: join(directory, "keys.db") };
  const effects = join(directory, "effects.jsonl");
  const started: GuardedProcess[] = [];
  try {
    await act({
      async start(crashAt) {
        const name = `app${started.length}`;
        const one = await startProcess({ name, backend: place, effects, leaseMs, crashAt });
        started.push(one);
        return one;
      },
      effects: () => readEffects(effects),
    });
  } finally {
    for (const { child } of started) child.kill("SIGKILL");
    await Promise.all(started.map(({ exited }) => exited));
    await withBackend(place, async (open) => open.clear?.());
    rmSync(directory, { recursive: true, force: true });
  }
}

async function startProcess(config: GuardedConfig): Promise<GuardedProcess> {
  const child = spawn(process.execPath, [await bundledApp("guarded-app")], {
    env: { ...process.env, [GUARDED_VARIABLE]: JSON.stringify(config) },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const exited = once(child, "exit");
  const [message] = await Promise.race([once(child, "message"), exited.then(() => [undefined])]);
  if (message === undefined) throw new Error(`${config.name} ended while it started.`);
  return {
    name: config.name,
    url: `http://127.0.0.1:${(message as { port: number }).port}/orders`,
    child,
    exited,
  };
}

function readEffects(path: string): Map<string, string[]> {
  const runs = new Map<string, string[]>();
  const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [];
  for (const line of lines) {
    const { key, run } = JSON.parse(line) as { key: string; run: string };
    runs.set(key, [...(runs.get(key) ?? []), run]);
  }
  return runs;
}

/** One request. `undefined`: the connection broke before there was a whole answer. */
export async function order(
  url: string,
  key: string,
  ms: number,
  holdMs = 0,
): Promise<GuardedAnswer | undefined> {
  try {
    const headers = { "idempotency-key": key, [HOLD_HEADER]: String(holdMs) };
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ ms }), headers });
    const { run, code } = (await answer.json()) as { run?: string; code?: string };
    return {
      status: answer.status,
      run,
      code,
      replayed: answer.headers.get("idempotent-replayed") === "true",
    };
  } catch {
    return undefined;
  }
}

/** Sends it again, to any of the processes that are there at the time, until the answer is 201. All answers, that one last. */
export async function untilMade(
  urls: () => string[],
  key: string,
  ms: number,
  holdMs = 0,
): Promise<GuardedAnswer[]> {
  const answers: GuardedAnswer[] = [];
  for (;;) {
    const all = urls();
    const url = all[Math.floor(Math.random() * all.length)];
    const answer = url === undefined ? undefined : await order(url, key, ms, holdMs);
    if (answer !== undefined) answers.push(answer);
    if (answer?.status === 201) return answers;
    if (answer !== undefined && answer.status !== 409 && answer.status !== 503) {
      throw new Error(`${key} was answered ${answer.status} ${answer.code}.`);
    }
    await sleep(20 + Math.random() * 60);
  }
}
