/**
 * Sends calls to a script. What is called in the same turn of the event loop, and lives on the same node, leaves as one command; each call
 * is answered by itself, and within its time.
 */
import type { HooklatchError } from "@hooklatch/core";
import { isCluster } from "./client.js";
import { inTime } from "./deadline.js";
import { closedError, isError, unavailable } from "./failures.js";
import { createGate } from "./gate.js";
import type { Link } from "./link.js";
import type { Partition } from "./names.js";
import { notReplicated, runConfirmed, type WaitForReplicas } from "./replicas.js";
import { type Argument, runScript, type Script } from "./script.js";
import type { RedisReport } from "./server-report.js";

export interface Call {
  key: string;
  /** Calls of one partition may always share a command. */
  partition: Partition;
  verb: string;
  args: readonly Argument[];
  /** Whether it asks the server to keep an event. */
  keeps?: boolean;
  /** Whether it counts an attempt, which starts upon its answer. */
  counts?: boolean;
}

export interface Sender {
  send(call: Call): Promise<unknown>;
  /** Runs `act` once the server is there, within the same time as a call. It is told whether that is over, and nobody waits any longer. */
  within<T>(act: (isGivenUp: () => boolean) => Promise<T>): Promise<T>;
  close(): void;
}

export interface SenderOptions {
  link: Link;
  script: Script;
  /** What is closed, for the error. */
  what: string;
  timeoutMs: number;
  waitForReplicas: WaitForReplicas | undefined;
  /** Checked before anything is sent, and again for each new report. Rejects with what every call is then answered. */
  admit: (report: RedisReport) => Promise<void>;
  /** Why the server cannot be trusted with an event; `undefined`: it can. */
  refuse: (report: RedisReport) => HooklatchError | undefined;
}

/** A call on its way, and who waits for it. */
class Waiting {
  settled = false;
  /** What left with it, and is waited for together. */
  turn: Turn | undefined;

  constructor(
    readonly call: Call,
    private readonly onReply: (reply: unknown) => void,
    private readonly onError: (error: unknown) => void,
  ) {}

  resolve(reply: unknown): void {
    if (this.settle()) this.onReply(reply);
  }

  reject(error: unknown): void {
    if (this.settle()) this.onError(error);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.turn?.settled();
    return true;
  }
}

/** Calls that left in one turn of the event loop. */
class Turn {
  readonly over: Promise<void>;
  private end: () => void = () => {};

  constructor(private open: number) {
    this.over = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  settled(): void {
    if (--this.open === 0) this.end();
  }
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
  /** Calls that leave when the replicas have answered for those before, and whether there are such. */
  let held: Waiting[] = [];
  let confirming = false;
  /** A Cluster, or a proxy before one, takes the keys of one slot in a command. */
  let oneSlot = isCluster(client);

  /** Resolves to the report once calls may be sent. */
  const opened = createGate(async (counts): Promise<RedisReport> => {
    const report = await link.ready();
    if (report !== admitted && counts()) {
      await admit(report);
      admitted = report;
    }
    return report;
  }, timeoutMs);

  /** Rejects after `timeoutMs`, whatever becomes of `work`. */
  async function answered<T>(work: Promise<T>): Promise<T> {
    try {
      return await inTime(timeoutMs, work, () => link.silence.end(2 * timeoutMs));
    } catch (error) {
      throw failure(error);
    }
  }

  /** Everything that was called in this turn, under one timer. Never rejects. */
  async function flush(): Promise<void> {
    const calls = queue;
    queue = [];
    const turn = new Turn(calls.length);
    for (const call of calls) call.turn = turn;
    const fail = (error: unknown): void => {
      for (const call of calls) call.reject(error);
    };
    sendAll(calls).catch((error: unknown) => fail(failure(error)));
    await answered(turn.over).catch(fail);
  }

  async function sendAll(calls: readonly Waiting[]): Promise<void> {
    const known = link.report;
    let refusal = refuse(known !== undefined && known === admitted ? known : await opened(timeoutMs));
    if (refusal !== undefined && calls.some(({ call }) => call.keeps)) {
      link.askAgain();
      refusal = refuse(await opened(timeoutMs));
    }
    // Nobody waits any longer for what was given up meanwhile: it must not be sent.
    const first: Waiting[] = [];
    const then: Waiting[] = [];
    for (const one of calls) {
      if (refusal !== undefined && one.call.keeps) one.reject(refusal);
      if (!one.settled) (needsMemory(one) ? first : then).push(one);
    }
    const sent = then.length === 0 ? first : [...first, ...then];
    await (waitForReplicas === undefined ? sendNow(sent) : sendInTurn(sent));
  }

  async function sendNow(calls: readonly Waiting[]): Promise<void> {
    await Promise.all(batchesOf(calls, oneSlot).map(sendBatch));
  }

  /**
   * `WAIT` keeps its connection from everything else. One at a time, then, and what comes meanwhile leaves together after it: however slow the
   * replicas are, nobody waits for more than two of them.
   */
  async function sendInTurn(calls: readonly Waiting[]): Promise<void> {
    held.push(...calls);
    if (confirming) return;
    confirming = true;
    try {
      while (held.length > 0) {
        const next = held.filter((one) => !one.settled);
        held = [];
        await sendNow(next);
      }
    } finally {
      confirming = false;
    }
  }

  /** Never rejects: one batch that fails says nothing about the others. */
  async function sendBatch(batch: readonly Waiting[]): Promise<void> {
    const { partition } = (batch[0] as Waiting).call;
    try {
      const { replies, unconfirmed } = await link.silence.during(partition.slot, () => run(batch, partition));
      for (const [i, one] of batch.entries()) settle(one, replies[i], unconfirmed);
    } catch (error) {
      if (isError(error, "CROSSSLOT") && !oneSlot) {
        // Refused before anything was done.
        oneSlot = true;
        await Promise.all(batchesOf(batch, true).map(sendBatch));
        return;
      }
      for (const one of batch) one.reject(failure(error));
    }
  }

  async function run(
    batch: readonly Waiting[],
    { nothing }: Partition,
  ): Promise<{ replies: readonly unknown[]; unconfirmed?: HooklatchError | undefined }> {
    const keys: string[] = [];
    const args: Argument[] = [];
    for (const { call } of batch) {
      keys.push(call.key);
      args.push(call.verb, call.args.length);
      for (const arg of call.args) args.push(arg);
    }
    const declared = isCluster(client) ? [nothing] : [];
    if (waitForReplicas === undefined || !batch.some(({ call }) => tells(call))) {
      const replies = await runScript(client, script, [...keys, ...declared], [keys.length, ...args]);
      return { replies: replies as unknown[] };
    }
    const marked = [...keys, keys[0] as string];
    const { reply, unconfirmed } = await runConfirmed(
      client,
      waitForReplicas,
      script,
      [...marked, ...declared],
      [marked.length, ...args, "mark", 0],
    );
    const replies = reply as unknown[];
    if (Number(replies[keys.length]) === 1) return { replies, unconfirmed };
    return { replies, unconfirmed: notReplicated("The server did not take the mark for its replicas.") };
  }

  function settle(one: Waiting, reply: unknown, unconfirmed: HooklatchError | undefined): void {
    const failed = Array.isArray(reply) && String(reply[0]) === "error";
    if (failed) one.reject(failure(new Error(String(reply[1]).replace(/^(ERR|-) /, ""))));
    else if (unconfirmed !== undefined && isActedUpon(one.call, reply)) one.reject(unconfirmed);
    else one.resolve(reply);
  }

  function failure(error: unknown): HooklatchError {
    link.noticeReadOnly(error);
    return unavailable(error);
  }

  return {
    send(call) {
      if (closed) return Promise.reject(closedError(what));
      return new Promise((resolve, reject) => {
        if (queue.push(new Waiting(call, resolve, reject)) === 1) setImmediate(flush);
      });
    },
    within(act) {
      if (closed) return Promise.reject(closedError(what));
      const until = performance.now() + timeoutMs;
      return answered(opened(timeoutMs).then(() => act(() => performance.now() >= until)));
    },
    close() {
      closed = true;
    },
  };
}

const SETTLES_NOTHING = new Set(["get", "list", "count", "expired", "unindexed", "index", "extend"]);

/**
 * Whether the answer may be that something is so, which a fail-over could undo. Not what is only read; and a heartbeat that too few replicas have
 * is better than none. But an attempt that too few have counted must not start: the new master would allow it once more.
 */
function tells({ verb, counts = false }: Call): boolean {
  return counts || !SETTLES_NOTHING.has(verb);
}

/** Whether it is. A refusal stands. */
function isActedUpon(call: Call, reply: unknown): boolean {
  const { verb } = call;
  if (!tells(call)) return false;
  if (["claim", "push", "remove"].includes(verb)) return true;
  return Array.isArray(reply) ? String(reply[0]) === "scheduled" : Number(reply) === 1;
}

/** A full server refuses these, until something else in the same script has written. */
function needsMemory({ call: { verb } }: Waiting): boolean {
  return verb === "claim" || verb === "schedule" || verb === "push";
}

function batchesOf(calls: readonly Waiting[], oneSlot: boolean): Waiting[][] {
  const batches: Waiting[][] = [];
  const open = new Map<number, { batch: Waiting[]; bytes: number }>();
  for (const waiting of calls) {
    const route = oneSlot ? waiting.call.partition.slot : 0;
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
