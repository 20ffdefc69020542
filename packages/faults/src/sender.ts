/** Senders of webhooks: patient ones, that deliver again until they are told 2xx, and that send some events more than once. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultEvent } from "./app-config.js";
import { type Note, now } from "./ledger.js";
import type { Random } from "./random.js";

export interface Answer {
  status: number;
  body: string;
  /** From the store, not from a run. */
  replayed: boolean;
}

/** No connection is kept: the next process on a port may be another one. */
const agent = new Agent({ keepAlive: false });

/** One delivery; rejects when no answer came. */
export async function post(url: string, event: FaultEvent, timeoutMs: number, note: Note): Promise<Answer> {
  const sentAt = now();
  const about = { key: event.id, from: url, sentAt };
  try {
    const answer = await exchange(url, JSON.stringify(event), timeoutMs);
    note({ kind: "answer", ...about, ...answer });
    return answer;
  } catch (error) {
    note({ kind: "unanswered", ...about, reason: String(error) });
    throw error;
  }
}

function exchange(url: string, body: string, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request(
      url,
      { method: "POST", agent, headers, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const replayed = response.headers["idempotent-replayed"] === "true";
          resolve({ status: response.statusCode ?? 0, body: text, replayed });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

export interface SenderOptions {
  /** Where one may deliver now. */
  urls: () => readonly string[];
  note: Note;
  random: Random;
  /** How long one delivery waits for its answer. */
  timeoutMs?: number;
  /** How long to go on trying. */
  patienceMs?: number;
}

/** Delivers until a 2xx, to any process; `undefined` when patience was over. */
export async function deliver(event: FaultEvent, options: SenderOptions): Promise<Answer | undefined> {
  const { urls, note, random, timeoutMs = 3_000, patienceMs = 40_000 } = options;
  const deadline = now() + patienceMs;
  for (let pause = 20; now() < deadline; pause = Math.min(pause * 1.5, 300)) {
    try {
      const all = urls();
      if (all.length > 0) {
        const answer = await post(random.pick(all), event, timeoutMs, note);
        if (answer.status >= 200 && answer.status < 300) return answer;
      }
    } catch {
      // Refused, reset or too slow: an answer that did not come tells nothing.
    }
    await sleep(pause * (0.5 + random.next() / 2));
  }
  return undefined;
}

/** Mostly quick events; some slow, some that fail, a few that never succeed. */
function randomEvent(id: string, random: Random): FaultEvent {
  const dice = random.next();
  if (dice < 0.04) return { id, ms: random.between(0, 30), fails: 99 };
  if (dice < 0.14) return { id, ms: random.between(0, 60), fails: random.between(1, 2) };
  if (dice < 0.34) return { id, ms: random.between(150, 500) };
  return { id, ms: random.between(0, 80) };
}

export interface Load {
  readonly sent: number;
  /** No new events; resolves when those under way are acknowledged, and says how many never were. */
  stop(): Promise<{ events: number; unacknowledged: string[] }>;
}

/** Several senders, each delivering one event after the other, 30 % of them more than once. */
export function startLoad(senders: number, options: SenderOptions): Load {
  const { random } = options;
  const unacknowledged: string[] = [];
  let sent = 0;
  let stopped = false;

  async function send(): Promise<void> {
    while (!stopped) {
      const event = randomEvent(`e${++sent}`, random);
      const copies = random.chance(0.15) ? random.between(2, 5) : 1;
      const answers = await Promise.all(Array.from({ length: copies }, () => deliver(event, options)));
      if (random.chance(0.15)) {
        await sleep(random.between(0, 200));
        answers.push(await deliver(event, options));
      }
      if (answers.includes(undefined)) unacknowledged.push(event.id);
      await sleep(random.between(0, 60));
    }
  }

  const all = Promise.all(Array.from({ length: senders }, send));
  return {
    get sent() {
      return sent;
    },
    async stop() {
      stopped = true;
      await all;
      return { events: sent, unacknowledged };
    },
  };
}
