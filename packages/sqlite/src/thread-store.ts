/** The store whose database lives in a thread of its own: calls go there by messages, and no commit blocks the event loop of the app. */
import { Worker } from "node:worker_threads";
import { HooklatchError, type IdempotencyStore } from "@hooklatch/core";
import { openDatabase } from "./open.js";
import {
  type Call,
  carry,
  type FromThread,
  movable,
  type ThreadOptions,
  uncarry,
  VERBS,
} from "./thread-messages.js";

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: unknown) => void;
}

/**
 * In each build the thread's module lies beside this one, with the same extension. Asked for by those who want a thread alone: a bundler that makes
 * CommonJS of it leaves no `import.meta.url`.
 *
 * As text, because a thread that is started by its file is refused where the app itself is a text: `node --input-type=module --eval …`.
 */
function program(): string {
  const url: string | undefined = import.meta.url;
  if (url === undefined) {
    const text = "Option `thread` needs @hooklatch/sqlite as it is installed: leave it out of your bundle.";
    throw new HooklatchError("invalid_option", text);
  }
  return `import(${JSON.stringify(url.replace(/[^/]*(\.\w+)$/, "thread$1"))})`;
}

/**
 * The same verbs and guarantees as on the calling thread. The file is opened once here, and closed again, so that what is wrong with it is
 * thrown at once. A thread that dies rejects what it had not answered with `store_unavailable` (retryable: whether it was committed is
 * unknown); the next call starts another.
 *
 * The process stays alive for calls in flight, and not for an idle thread.
 */
export function threadStore(options: ThreadOptions): IdempotencyStore {
  openDatabase(options.path, "operations", "sqliteStore").db.close();
  const waiting = new Map<number, Waiting>();
  let leaving: Call[] = [];
  let worker: Worker | undefined = start();
  worker.unref();
  let closing: Promise<void> | undefined;
  let lastId = 0;

  function start(): Worker {
    const started = new Worker(program(), { eval: true, workerData: options });
    let failure: unknown;
    started.on("message", (message: FromThread) => {
      if ("opening" in message) failure = uncarry(message.opening);
      else settle(message);
    });
    started.on("error", (error) => {
      failure = error;
    });
    started.on("exit", (code) => {
      worker = undefined;
      lose(failure ?? `it ended with code ${code}`);
    });
    return started;
  }

  function settle({ answers }: Extract<FromThread, { answers: unknown }>): void {
    for (const { id, value, error } of answers) {
      const call = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) call?.resolve(value as never);
      else call?.reject(uncarry(error));
    }
    if (waiting.size === 0) worker?.unref();
  }

  function lose(why: unknown): void {
    const lost = [...waiting.values()];
    waiting.clear();
    for (const { reject } of lost) reject(HooklatchError.is(why) ? why : threadLost(why));
  }

  /** All calls of one turn in one message. */
  function send(): void {
    const calls = leaving;
    leaving = [];
    try {
      worker ??= start();
      worker.ref();
      post(worker, calls);
    } catch (error) {
      lose(error);
    }
  }

  /** One that cannot cross, for instance with a function in it, concerns only its caller. */
  function post(to: Worker, calls: readonly Call[]): void {
    try {
      const moved: ArrayBuffer[] = [];
      const copies = calls.map((call) => ({ ...call, args: movable(call.args, moved, false) }));
      to.postMessage(copies, moved);
    } catch (error) {
      const [only] = calls;
      if (calls.length > 1) for (const call of calls) post(to, [call]);
      else if (only !== undefined) settle({ answers: [{ id: only.id, error: carry(notMovable(error)) }] });
    }
  }

  function call(verb: Call["verb"], args: unknown[]): Promise<never> {
    return new Promise((resolve, reject) => {
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      // After the promises of this turn: those who were answered together call again together.
      if (leaving.push({ id, verb, args }) === 1) process.nextTick(send);
    });
  }

  async function close(): Promise<void> {
    if (worker === undefined && leaving.length === 0) return;
    // What was accepted is before it on its way. Whoever waits for a thread that dies now was told so.
    await call("close", []).catch(() => {});
  }

  const verbs = VERBS.map((verb) => [
    verb,
    async (...args: unknown[]) => {
      if (closing !== undefined) throw new HooklatchError("store_closed", "This store is closed.");
      return call(verb, args);
    },
  ]);
  return {
    ...(Object.fromEntries(verbs) as Omit<IdempotencyStore, "survives" | "close">),
    survives: "disk",
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function threadLost(why: unknown): HooklatchError {
  const text = `The thread of this store is gone: ${why instanceof Error ? why.message : String(why)}.`;
  return new HooklatchError("store_unavailable", text, { cause: why, retryable: true });
}

function notMovable(cause: unknown): HooklatchError {
  return new HooklatchError("invalid_argument", "This request cannot be sent to the store's thread.", {
    cause,
  });
}
