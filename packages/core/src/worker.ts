/** Picks up what nobody is waiting for: due and abandoned operations, and letters that the sink does not have yet. */
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
  /** Forgets up to `limit` expired records; absent where the store expires them by itself. */
  purge?: ((limit: number) => Promise<number>) | undefined;
  onError(operation: "claimDue" | "purge", error: unknown): void;
}

export interface Worker {
  start(): void;
  /** Claims nothing more. Resolves when no claim is on its way any longer; work that was handed out goes on. */
  stop(): Promise<void>;
}

const PURGE_EVERY_POLLS = 30;
const PURGE_LIMIT = 200;
const PURGE_BATCHES = 50;
/** A store that is down is asked this much less often at most. */
const MAX_BACKOFF = 16;

export function createWorker(host: WorkerHost): Worker {
  let state: "idle" | "started" | "stopped" = "idle";
  let timer: ReturnType<typeof setTimeout> | undefined;
  let polling: Promise<void> | undefined;
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
    if (state === "started" && polls++ % PURGE_EVERY_POLLS === 0) await purge();
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

  async function purge(): Promise<void> {
    if (host.purge === undefined) return;
    try {
      for (let batch = 0; batch < PURGE_BATCHES && state === "started"; batch++) {
        if ((await host.purge(PURGE_LIMIT)) < PURGE_LIMIT) return;
      }
    } catch (error) {
      host.onError("purge", error);
    }
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
          host.onError("claimDue", error);
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
    },
  };
}
