/** End to end: the apps' CPU per request, each in turn, over real sockets. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@hooklatch/servers";
import { bundle } from "../bundle.js";
import { type Figure, figureOf, interleave, median, ratioOf, spread } from "../figures.js";
import { moveBeside, Worker } from "../process.js";
import { ENTRIES } from "./contenders.js";
import { type Load, type Order, WORKLOADS, type Workload } from "./load.js";
import type { Usage } from "./server.js";
import { FRAMEWORKS, type Framework, STORES, type StoreKind } from "./task.js";

export interface HttpOptions {
  rounds: number;
  /** Of each contender, workload and round. */
  requests: number;
  connections: number;
  frameworks?: readonly Framework[] | undefined;
  stores?: readonly StoreKind[] | undefined;
  /** By their names in `contenders.ts`. */
  only?: readonly string[] | undefined;
  log: (line: string) => void;
}

export interface HttpResult {
  framework: Framework;
  store: StoreKind;
  name: string;
  /** Absent from the ranking where it is not: how often the route ran for that many copies of one request, all at once. */
  bursts: { sent: number; ran: number };
  workloads: Record<Workload, WorkloadResult>;
}

interface WorkloadResult {
  /** CPU of the app's process per request, over that of the bare framework in the same round. */
  cpu: Figure;
  cpuUs: Figure;
  /** Requests per second, over those of the bare framework in the same round. */
  rate: Figure;
  p50Ms: Figure;
  p99Ms: Figure;
  /** How often the route ran for each new key, and for each key that was used before. */
  executionsPerRequest: number;
  statuses: Record<string, number>;
}

interface Sample {
  cpuUs: number;
  rate: number;
  load: Load;
  executions: number;
}

interface Running {
  name: string;
  worker: Worker;
  port: number;
  known: string[];
}

const BURSTS = 20;

export async function measureHttp(options: HttpOptions): Promise<HttpResult[]> {
  const { frameworks = FRAMEWORKS, stores = STORES } = options;
  const programs = await bundle();
  const load = Worker.start("beside", programs.load, []);
  const results: HttpResult[] = [];
  try {
    for (const store of stores) {
      for (const framework of frameworks) {
        results.push(...(await measureOne(options, programs.server, load, framework, store)));
      }
    }
  } finally {
    await load.stop();
  }
  return results;
}

async function measureOne(
  { rounds, requests, connections, only, log }: HttpOptions,
  program: string,
  load: Worker,
  framework: Framework,
  store: StoreKind,
): Promise<HttpResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "hooklatch bench "));
  const redis = store === "redis" ? await startRedis() : undefined;
  if (redis !== undefined) moveBeside(redis.pid);
  const names = Object.entries(ENTRIES)
    .filter(([, entry]) => entry.frameworks.includes(framework) && entry.stores.includes(store))
    .map(([name]) => name)
    .filter((name) => name === "bare" || only === undefined || only.includes(name));
  const apps: Running[] = [];
  log(`${framework} on ${store}: ${names.join(", ")}`);

  async function measure(app: Running, workload: Order["workload"], count: number): Promise<Sample> {
    const before = await app.worker.ask<Usage>("usage");
    const order: Order = { port: app.port, workload, requests: count, connections, known: app.known };
    const result = await load.ask<Load>(order);
    const after = await app.worker.ask<Usage>("usage");
    return {
      cpuUs: (after.cpuUs - before.cpuUs) / count,
      rate: count / result.seconds,
      load: result,
      executions: (after.executions - before.executions) / count,
    };
  }

  try {
    for (const name of names) {
      const address = redis?.url ?? join(folder, `${name}.db`);
      const worker = Worker.start("measured", program, [name, framework, store, address]);
      const app: Running = { name, worker, port: 0, known: [] };
      apps.push(app);
      app.port = (await worker.answer<{ port: number }>()).port;
      app.known = (await measure(app, "new", requests)).load.keys;
    }
    const bursts = new Map<string, HttpResult["bursts"]>();
    for (const app of apps) {
      for (const workload of WORKLOADS) await measure(app, workload, requests);
      const { executions } = await measure(app, "burst", BURSTS * connections);
      bursts.set(app.name, { sent: BURSTS, ran: Math.round(executions * BURSTS * connections) });
    }
    const items = WORKLOADS.flatMap((workload) => apps.map((app) => ({ app, workload })));
    const samples = await interleave(items, rounds, ({ app, workload }) => measure(app, workload, requests));
    const of = (name: string, workload: Workload): Sample[] =>
      [...samples].find(([item]) => item.app.name === name && item.workload === workload)?.[1] ?? [];
    return names.map((name) => {
      const workloads = Object.fromEntries(
        WORKLOADS.map((workload) => [workload, resultOf(of(name, workload), of("bare", workload))]),
      ) as HttpResult["workloads"];
      const result = { framework, store, name, bursts: bursts.get(name) as HttpResult["bursts"], workloads };
      log(lineOf(result));
      return result;
    });
  } finally {
    await Promise.all(apps.map(({ worker }) => worker.stop()));
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function resultOf(samples: readonly Sample[], base: readonly Sample[]): WorkloadResult {
  const statuses: Record<string, number> = {};
  for (const { load } of samples) {
    for (const [status, count] of Object.entries(load.statuses))
      statuses[status] = (statuses[status] ?? 0) + count;
  }
  const cpu = (list: readonly Sample[]) => list.map(({ cpuUs }) => cpuUs);
  const rate = (list: readonly Sample[]) => list.map((sample) => sample.rate);
  return {
    cpu: ratioOf(cpu(samples), cpu(base)),
    cpuUs: figureOf(cpu(samples)),
    rate: ratioOf(rate(samples), rate(base)),
    p50Ms: figureOf(samples.map(({ load }) => load.p50Ms)),
    p99Ms: figureOf(samples.map(({ load }) => load.p99Ms)),
    executionsPerRequest: median(samples.map(({ executions }) => executions)),
    statuses,
  };
}

function lineOf({ name, workloads, bursts }: HttpResult): string {
  const columns = WORKLOADS.map((workload) => {
    const { cpu, cpuUs, rate, p99Ms, executionsPerRequest } = workloads[workload];
    const figures = [
      `cpu ${spread(cpu)}`,
      `${cpuUs.median.toFixed(0)} µs`,
      `rate ${rate.median.toFixed(2)}`,
      `p99 ${p99Ms.median.toFixed(1)}`,
      `runs ${executionsPerRequest.toFixed(2)}`,
    ];
    return `${workload}: ${figures.join(" ")}`;
  });
  return `  ${name.padEnd(12)} ${columns.join(" | ")} | bursts ${bursts.ran}/${bursts.sent}`;
}
