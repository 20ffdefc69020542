/** `pnpm --filter @hooklatch/faults letters`: what it costs to find letters, in a queue of 1 000 and in one of 50 000. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { type DeadLetter, type DeadLetterQueue, type LetterFilter, letterId } from "@hooklatch/core";
import { startRedis } from "@hooklatch/servers";
import { type OpenBackend, openBackend } from "./backend.js";
import { freshPrefix } from "./backends/redis.js";
import { forEachOf } from "./letters-fill.js";

const SMALL = 1_000;
const LARGE = Number(process.env.LETTERS_LARGE ?? 50_000);
const ROUNDS = Number(process.env.LETTERS_ROUNDS ?? 11);
const PAGE = 50;
/** What a narrow filter finds, in each queue. */
const FEW = 20;
const SCOPES = 4;
const ERRORS = 4;
const OF_A_TENANT = 100;
const EVENT = randomBytes(2_048);
const BORN_AT = Date.now() - 86_400_000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function letterOf(n: number, size: number): DeadLetter {
  const id = { scope: `s${n % SCOPES}`, tenant: `t${n % (size / OF_A_TENANT)}`, key: `evt_${n}` };
  // Few letters of a kind lie evenly along the order of arrival.
  const isOneOfFew = n % (size / FEW) === 0;
  const error = {
    name: `E${Math.floor(n / SCOPES) % ERRORS}Error`,
    message: `the handler failed: ${isOneOfFew ? "needle" : n % 2 ? "timeout of the bank" : "no such order"}`,
  };
  // Another order than that of arrival.
  const diedAt = BORN_AT + ((n * 7_919) % size);
  return {
    ...id,
    ...{ id: letterId(id), event: EVENT, error, token: 1, bornAt: BORN_AT, firstFailedAt: BORN_AT, diedAt },
    attempts: [{ attempt: 1, startedAt: diedAt, durationMs: 5, error, round: 1 }],
    rounds: 1,
    ...(isOneOfFew && { rounds: 2, replays: [{ round: 2, at: diedAt, replayId: "r" }] }),
  };
}

/** What is asked of a queue of this size. */
const QUESTIONS: Readonly<Record<string, (size: number) => LetterFilter>> = {
  "no filter": () => ({}),
  scope: () => ({ scope: "s1" }),
  error: () => ({ error: "E1Error" }),
  "scope + error": () => ({ scope: "s1", error: "E1Error" }),
  key: (size) => ({ key: `evt_${size / 2}` }),
  "tenant, 100 letters": () => ({ tenant: "t3" }),
  "errorText, rare": () => ({ errorText: "NEEDLE" }),
  "errorText, common": () => ({ errorText: "of the bank" }),
  "errorText, none": () => ({ errorText: "not in any" }),
  "diedFrom, narrow": (size) => ({ diedFrom: BORN_AT + size - FEW }),
  "minReplays, rare": () => ({ minReplays: 1 }),
};

const VERBS: Readonly<Record<string, (queue: DeadLetterQueue, filter: LetterFilter) => Promise<number>>> = {
  [`list ${PAGE}`]: async (queue, filter) => (await queue.list({ ...filter, limit: PAGE })).letters.length,
  count: (queue, filter) => queue.count(filter),
};

interface Queue {
  size: number;
  open: OpenBackend;
}

async function compare(kind: string, make: (size: number) => Promise<OpenBackend>): Promise<void> {
  const queues: Queue[] = [];
  for (const size of [SMALL, LARGE]) {
    const open = await make(size);
    const begun = performance.now();
    await forEachOf(size, (n) => open.letters.push(letterOf(n, size)));
    say(`${kind}: ${size} letters in ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
    queues.push({ size, open });
  }
  say(`\n| ${kind} | found | ${SMALL} letters | ${LARGE} letters | ratio |\n|---|--:|--:|--:|--:|`);
  for (const [verb, ask] of Object.entries(VERBS)) {
    const taken = new Map<string, number[]>();
    const found = new Map<string, number>();
    // The first round warms up. Interleaved, so that a slow minute of the machine is not one question's.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, filter] of Object.entries(QUESTIONS)) {
        for (const { size, open } of queues) {
          const begun = performance.now();
          const answer = await ask(open.letters, filter(size));
          const ms = performance.now() - begun;
          const place = `${name}:${size}`;
          found.set(place, answer);
          if (round > 0) taken.set(place, [...(taken.get(place) ?? []), ms]);
        }
      }
    }
    for (const name of Object.keys(QUESTIONS)) {
      const [small = 0, large = 0] = queues.map(({ size }) => median(taken.get(`${name}:${size}`) ?? []));
      const answers = queues.map(({ size }) => found.get(`${name}:${size}`)).join(" / ");
      const times = [small, large].map((ms) => `${ms.toFixed(2)} ms`).join(" | ");
      say(`| ${verb}: ${name} | ${answers} | ${times} | ${(large / small).toFixed(1)} |`);
    }
  }
  say("");
  for (const { open } of queues) await open.close();
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const directory = mkdtempSync(join(tmpdir(), "hooklatch-letters-"));
try {
  await compare("SQLite", (size) => openBackend({ kind: "sqlite", file: join(directory, `${size}.db`) }));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
const redis = await startRedis();
try {
  await compare("Redis", () => openBackend({ kind: "redis", urls: [redis.url], prefix: freshPrefix() }));
} finally {
  await redis.stop();
}
