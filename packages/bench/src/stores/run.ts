/** Measures the stores alone: each in a process of its own, next to its floors in the same round. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@hooklatch/servers";
import { Redis } from "ioredis";
import { bundle } from "../bundle.js";
import { type Figure, figureOf, interleave, ratioOf, spread } from "../figures.js";
import type { PartOptions } from "../part.js";
import { moveBeside, placement, Worker } from "../process.js";
import type { Sample } from "./closed-loop.js";
import type { Order, Timings } from "./program.js";
import { KINDS, type Kind, SUBJECTS, type SubjectName, subjectsOf, VERBS, type Verb } from "./subjects.js";
import type { Block } from "./turns.js";

const IN_FLIGHT = [1, 16, 64, 256] as const;
/** Where the event loop is looked at. */
export const TURNS_AT = 64;
/** Of each verb, at `share` 1. */
const MS = 150;
const TURNS_MS = 600;

export interface Row {
  subject: SubjectName;
  verb: Verb;
  inFlight: number;
  perSecond: Figure;
  p50Ms: Figure;
  p99Ms: Figure;
  maxMs: Figure;
  cpuUs: Figure;
  /** Over each floor of its driver, round by round. Empty for a floor. */
  over: { floor: SubjectName; perSecond: Figure; p50: Figure; p99: Figure }[];
}

export interface BlockRow {
  subject: SubjectName;
  p99Ms: Figure;
  maxMs: Figure;
}

export interface StoresResult {
  placement: string;
  rows: Row[];
  blocks: BlockRow[];
}

interface Measurement {
  subject: SubjectName;
  inFlight: number;
  turns: boolean;
}

export interface StoresOptions extends PartOptions {
  /** Default: all. */
  kinds?: readonly Kind[] | undefined;
  inFlight?: readonly number[] | undefined;
}

export async function measureStores(options: StoresOptions): Promise<StoresResult> {
  const { rounds, share, log, kinds = KINDS, inFlight: levels = IN_FLIGHT } = options;
  const names = subjectsOf(kinds);
  const rig = await startRig(names);
  try {
    const items: Measurement[] = levels.flatMap((inFlight) =>
      names.map((subject) => ({ subject, inFlight, turns: false })),
    );
    const watched = names.filter((name) => !SUBJECTS[name].floor && SUBJECTS[name].kind !== "memory");
    items.push(...watched.map((subject) => ({ subject, inFlight: TURNS_AT, turns: true })));

    await interleave(items, 1, (item) => rig.measure(item, 0.5 * share * MS));
    const samples = await interleave(items, rounds, (item) =>
      rig.measure(item, share * (item.turns ? TURNS_MS : MS)),
    );
    const found = ({ subject, inFlight, turns }: Measurement): unknown[] =>
      [...samples].find(
        ([item]) => item.subject === subject && item.inFlight === inFlight && item.turns === turns,
      )?.[1] ?? [];

    const rows = levels.flatMap((inFlight) =>
      names.flatMap((subject) => {
        const timings = (of: SubjectName) => found({ subject: of, inFlight, turns: false }) as Timings[];
        return VERBS.map((verb) => rowOf(subject, verb, inFlight, names, timings));
      }),
    );
    const blocks = watched.map((subject) => {
      const list = found({ subject, inFlight: TURNS_AT, turns: true }) as Block[];
      return {
        subject,
        p99Ms: figureOf(list.map(({ p99Ms }) => p99Ms)),
        maxMs: figureOf(list.map(({ maxMs }) => maxMs)),
      };
    });
    for (const row of rows) log(lineOf(row));
    for (const { subject, p99Ms, maxMs } of blocks) {
      log(
        `  ${subject.padEnd(14)} a turn of the event loop at ${TURNS_AT}: p99 ${ms(p99Ms)} max ${ms(maxMs)} ms`,
      );
    }
    return { placement, rows, blocks };
  } finally {
    await rig.stop();
  }
}

async function startRig(names: readonly SubjectName[]) {
  const folder = mkdtempSync(join(tmpdir(), "hooklatch bench "));
  const { stores } = await bundle();
  const usesRedis = names.some((name) => SUBJECTS[name].kind === "redis");
  const redis = usesRedis ? await startRedis() : undefined;
  if (redis !== undefined) moveBeside(redis.pid);
  const admin = redis && new Redis(redis.url);
  const workers = new Map(names.map((name) => [name, Worker.start("measured", stores, [name])]));
  return {
    async measure({ subject, ...item }: Measurement, ms: number): Promise<unknown> {
      const file = join(folder, "store.db");
      const { kind } = SUBJECTS[subject];
      if (kind === "redis") await admin?.flushdb();
      const address = kind === "redis" ? (redis?.url ?? "") : file;
      const order: Order = { address, ms, ...item };
      const result = await workers.get(subject)?.ask(order);
      for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
      return result;
    },
    async stop(): Promise<void> {
      await Promise.all([...workers.values()].map((worker) => worker.stop()));
      admin?.disconnect();
      await redis?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function rowOf(
  subject: SubjectName,
  verb: Verb,
  inFlight: number,
  names: readonly SubjectName[],
  timings: (of: SubjectName) => readonly Timings[],
): Row {
  const entry = SUBJECTS[subject];
  const list = (of: SubjectName, name: keyof Sample) => timings(of).map((timing) => timing[verb][name]);
  const floors = entry.floor
    ? []
    : names.filter((name) => SUBJECTS[name].floor && SUBJECTS[name].kind === entry.kind);
  return {
    subject,
    verb,
    inFlight,
    perSecond: figureOf(list(subject, "perSecond")),
    p50Ms: figureOf(list(subject, "p50Ms")),
    p99Ms: figureOf(list(subject, "p99Ms")),
    maxMs: figureOf(list(subject, "maxMs")),
    cpuUs: figureOf(list(subject, "cpuUs")),
    over: floors.map((floor) => ({
      floor,
      perSecond: ratioOf(list(subject, "perSecond"), list(floor, "perSecond")),
      p50: ratioOf(list(subject, "p50Ms"), list(floor, "p50Ms")),
      p99: ratioOf(list(subject, "p99Ms"), list(floor, "p99Ms")),
    })),
  };
}

function lineOf({ subject, verb, inFlight, perSecond, p50Ms, p99Ms, maxMs, cpuUs, over }: Row): string {
  const figures = [
    `${perSecond.median.toFixed(0).padStart(8)}/s`,
    `p50 ${ms(p50Ms)}`,
    `p99 ${ms(p99Ms)}`,
    `max ${ms(maxMs)} ms`,
    `cpu ${cpuUs.median.toFixed(1)} µs`,
    ...over.map(
      (one) =>
        `| ${one.floor} × ${spread(one.perSecond)}, p50 × ${spread(one.p50)}, p99 × ${spread(one.p99)}`,
    ),
  ];
  return `  ${subject.padEnd(14)} ${verb.padEnd(9)} ${String(inFlight).padStart(3)} ${figures.join(" ")}`;
}

const ms = ({ median }: Figure) => median.toFixed(median < 1 ? 3 : 2);
