/** Runs in the thread of `thread-store.ts`: a plain store on the file, whose calls and answers are messages. */
import { parentPort, workerData } from "node:worker_threads";
import type { IdempotencyStore } from "@hooklatch/core";
import { sqliteStore } from "./store.js";
import {
  type Answer,
  type Call,
  carry,
  type FromThread,
  movable,
  type ThreadOptions,
} from "./thread-messages.js";

const { path, busyTimeoutMs } = workerData as ThreadOptions;
const port = parentPort as NonNullable<typeof parentPort>;
const tell = (message: FromThread, moved: ArrayBuffer[] = []): void => port.postMessage(message, moved);

/** `undefined`, and the thread ends: the next call will start another. */
function open(): IdempotencyStore | undefined {
  try {
    return sqliteStore(path, { busyTimeoutMs });
  } catch (error) {
    tell({ opening: carry(error) });
    port.close();
    return undefined;
  }
}

const store = open();
let answers: Answer[] = [];
let moved: ArrayBuffer[] = [];

/** All that one commit answered in one message. */
function answer(one: Answer): void {
  if (answers.push(one) === 1) process.nextTick(send);
}

function send(): void {
  tell({ answers }, moved);
  answers = [];
  moved = [];
}

async function run(on: IdempotencyStore, { id, verb, args }: Call): Promise<void> {
  try {
    const value = await (on[verb] as (...args: unknown[]) => Promise<unknown>).apply(on, args);
    // Made for this call alone: nobody else has these bytes.
    answer({ id, value: movable(value, moved, true) });
  } catch (error) {
    answer({ id, error: carry(error) });
  }
  // After the answer, which leaves first.
  if (verb === "close") process.nextTick(() => port.close());
}

if (store !== undefined) {
  const running = new Set<Promise<void>>();
  port.on("message", async (calls: Call[]) => {
    for (const call of calls) {
      // What was accepted before is not refused as closed: it is answered first.
      if (call.verb === "close") await Promise.all(running);
      const ended: Promise<void> = run(store, call).then(() => void running.delete(ended));
      running.add(ended);
    }
  });
}
