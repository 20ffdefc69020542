/**
 * Sends calls to a script. What is called in the same turn of the event loop, and lives on the same node, leaves as one command; each call
 * is answered by itself, and within its time.
 */
import type { HooklatchError } from "@hooklatch/core";
import { isCluster } from "./client.js";
import { closedError, isError, timedOut, unavailable } from "./failures.js";
import type { Link } from "./link.js";
import { runConfirmed, type WaitForReplicas } from "./replicas.js";
import { type Argument, runScript, type Script } from "./script.js";
import type { RedisReport } from "./server-report.js";

export interface Call {
  key: string;
  /** Calls of one slot may always share a command. */
  slot: number;
  verb: string;
  args: readonly Argument[];
  /** Whether it asks the server to keep an event. */
  keeps?: boolean;
}

export interface Sender {
  send(call: Call): Promise<unknown>;
  /** Runs `act` once the server is there, within the same time as a call. */
  within<T>(act: () => Promise<T>): Promise<T>;
  close(): void;
}

export interface SenderOptions {
  link: Link;
  script: Script;
  /** What is closed, for the error. */
  what: string;
  timeoutMs: number;
  waitForReplicas: WaitForReplicas | undefined;
  /** Checked before anything is sent, and again after each reconnection. Rejects with what every call is then answered. */
  admit: () => Promise<void>;
  /** Why the server cannot be trusted with an event; `undefined`: it can. */
  refuse: (report: RedisReport) => HooklatchError | undefined;
}

interface Waiting {
  call: Call;
  settled: boolean;
  resolve: (reply: unknown) => void;
  reject: (error: unknown) => void;
}

/** These bound how long one command keeps the server from others. */
const LARGEST_BATCH = 128;
const LARGEST_BATCH_BYTES = 1024 * 1024;

export function createSender(options: SenderOptions): Sender {
  const { link, script, what, timeoutMs, waitForReplicas, admit, refuse } = options;
  const { client } = link;
  let queue: Waiting[] = [];
  /** The report of the connection for which `admit` agreed. */
  let admitted: RedisReport | undefined;
  let closed = false;
  /** A Cluster, or a proxy before one, takes the keys of one slot in a command. */
  let oneSlot = isCluster(client);

  /** Resolves to the report once calls may be sent. */
  async function open(): Promise<RedisReport> {
    const report = await link.ready();
    if (report !== admitted) {
      await admit();
      admitted = report;
    }
    return report;
  }

  /** Rejects after `timeoutMs`, whatever becomes of `work`. */
  async function inTime<T>(work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        link.silent(2 * timeoutMs);
        reject(timedOut(timeoutMs));
      }, timeoutMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      throw unavailable(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Everything that was called in this turn, under one timer. Never rejects. */
  async function flush(): Promise<void> {
    const calls = queue;
    queue = [];
    try {
      await inTime(sendAll(calls));
    } catch (error) {
      for (const call of calls) call.reject(error);
    }
  }

  async function sendAll(calls: readonly Waiting[]): Promise<void> {
    const known = link.report;
    let refusal = refuse(known !== undefined && known === admitted ? known : await open());
    if (refusal !== undefined && calls.some(({ call }) => call.keeps)) {
      await link.askAgain();
      refusal = refuse(await open());
    }
    // Nobody waits any longer for what was given up meanwhile: it must not be sent.
    const sent = calls.filter((one) => {
      if (refusal !== undefined && one.call.keeps) one.reject(refusal);
      return !one.settled;
    });
    await Promise.all(batchesOf(sent, oneSlot).map(sendBatch));
  }

  /** Never rejects: one batch that fails says nothing about the others. */
  async function sendBatch(batch: readonly Waiting[]): Promise<void> {
    const keys = batch.map(({ call }) => call.key);
    const args = batch.flatMap(({ call }) => [call.verb, call.args.length, ...call.args]);
    try {
      const { replies, unconfirmed } =
        waitForReplicas === undefined
          ? { replies: (await runScript(client, script, keys, args)) as unknown[], unconfirmed: undefined }
          : await runConfirmed(client, waitForReplicas, script, keys, args);
      link.heard();
      for (const [i, one] of batch.entries()) settle(one, replies[i], unconfirmed);
    } catch (error) {
      link.heard();
      if (isError(error, "CROSSSLOT") && !oneSlot) {
        // Refused before anything was done.
        oneSlot = true;
        await Promise.all(batchesOf(batch, true).map(sendBatch));
        return;
      }
      for (const one of batch) one.reject(unavailable(reconnected(error)));
    }
  }

  function settle(one: Waiting, reply: unknown, unconfirmed: HooklatchError | undefined): void {
    const failed = Array.isArray(reply) && String(reply[0]) === "error";
    if (failed) one.reject(unavailable(reconnected(new Error(String(reply[1]).replace(/^(ERR|-) /, "")))));
    else if (unconfirmed !== undefined && isOurs(reply)) one.reject(unconfirmed);
    else one.resolve(reply);
  }

  /** A master that has become a replica says so until we connect to the new one. */
  function reconnected(error: unknown): unknown {
    if (isError(error, "READONLY") && !isCluster(client)) client.disconnect(true);
    return error;
  }

  return {
    send(call) {
      if (closed) return Promise.reject(closedError(what));
      return new Promise((resolve, reject) => {
        const waiting: Waiting = {
          call,
          settled: false,
          resolve(reply) {
            waiting.settled = true;
            resolve(reply);
          },
          reject(error) {
            waiting.settled = true;
            reject(error as Error);
          },
        };
        if (queue.push(waiting) === 1) setImmediate(flush);
      });
    },
    within(act) {
      if (closed) return Promise.reject(closedError(what));
      return inTime(open().then(act));
    },
    close() {
      closed = true;
    },
  };
}

/** An answer that a caller acts upon: a claim, or "this is so because of you". */
function isOurs(reply: unknown): boolean {
  if (!Array.isArray(reply)) return Number(reply) === 1;
  return ["claimed", "scheduled"].includes(String(reply[0]));
}

function batchesOf(calls: readonly Waiting[], oneSlot: boolean): Waiting[][] {
  const batches: Waiting[][] = [];
  const open = new Map<number, { batch: Waiting[]; bytes: number }>();
  for (const waiting of calls) {
    const route = oneSlot ? waiting.call.slot : 0;
    const bytes = bytesOf(waiting.call);
    let current = open.get(route);
    if (
      current === undefined ||
      current.batch.length >= LARGEST_BATCH ||
      current.bytes + bytes > LARGEST_BATCH_BYTES
    ) {
      current = { batch: [], bytes: 0 };
      open.set(route, current);
      batches.push(current.batch);
    }
    current.batch.push(waiting);
    current.bytes += bytes;
  }
  return batches;
}

function bytesOf(call: Call): number {
  let bytes = 0;
  for (const arg of call.args) if (typeof arg !== "number") bytes += arg.length;
  return bytes;
}
