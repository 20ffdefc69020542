/** Picks up what nobody is waiting for: due and abandoned operations, letters that the sink does not have yet, and upkeep. */
import type { ClaimDueRequest, DueWork } from "./store.js";

export interface WorkerHost {
  scope: string;
  leaseMs: number;
  pollMs: number;
  nextOwner(): string;
  /** How many operations may start now. */
  free(): number;
  claimDue(request: ClaimDueRequest): Promise<DueWork[]>;
  /** Does the work, and never rejects. */
  work(work: DueWork, owner: string, claimedAt: number): Promise<void>;
  /** What is to be done now and then, in batches while `going()` says so. Never rejects. */
  upkeep(going: () => boolean): Promise<void>;
  /** A poll failed. */
  onError(error: unknown): void;
}

export interface Worker {
  start(): void;
  /** Claims nothing more. Resolves when no claim is on its way any longer, nor a batch of upkeep; work that was handed out goes on. */
  stop(): Promise<void>;
}

const UPKEEP_EVERY_POLLS = 30;
/** A store that is down is asked this much less often at most. */
const MAX_BACKOFF = 16;

export function createWorker(host: WorkerHost): Worker {
  let state: "idle" | "started" | "stopped" = "idle";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let polling: Promise<void> | undefined;
  let upkeep: Promise<void> | undefined;
  /** Kept until a call was answered, so that work of a lost answer is handed to us again rather than left to its lease. */
  let owner: string | undefined;
  let failures = 0;
  let polls = 0;
  /** There was more work than free places: look again as soon as one is free. */
  let hungry = false;

  async function poll(): Promise<void> {
    let more = true;
    while (more && state === "started") {
      const limit = host.free();
      hungry = limit <= 0;
      if (hungry) break;
      more = await claimAndDispatch(limit);
    }
    if (state === "started" && polls++ % UPKEEP_EVERY_POLLS === 0) keepUp();
  }

  async function claimAndDispatch(limit: number): Promise<boolean> {
    owner ??= host.nextOwner();
    const claimedAt = performance.now();
    const request = { scopes: [host.scope], owner, leaseMs: host.leaseMs, limit };
    const works = await host.claimDue(request);
    const by = owner;
    owner = undefined;
    for (const work of works) {
      void host.work(work, by, claimedAt).finally(() => {
        if (hungry) wake();
      });
    }
    return works.length >= limit;
  }

  /** Beside the polls: however much there is to do, due work does not wait for it. */
  function keepUp(): void {
    upkeep ??= host
      .upkeep(() => state === "started")
      .finally(() => {
        upkeep = undefined;
      });
  }

  function wake(): void {
    if (state !== "started" || polling !== undefined) return;
    clearTimeout(timer);
    polling = poll()
      .then(
        () => {
          failures = 0;
        },
        (error: unknown) => {
          failures++;
          host.onError(error);
        },
      )
      .finally(() => {
        polling = undefined;
        if (state === "started") sleep();
      });
  }

  function sleep(): void {
    const backoff = Math.min(2 ** failures, MAX_BACKOFF);
    // A quarter of jitter, so that processes started together do not poll together.
    timer = setTimeout(wake, host.pollMs * backoff * (0.75 + Math.random() / 4));
    (timer as { unref?(): void }).unref?.();
  }

  return {
    start() {
      if (state !== "idle") return;
      state = "started";
      wake();
    },
    async stop() {
      state = "stopped";
      clearTimeout(timer);
      await polling;
      await upkeep;
    },
  };
}
