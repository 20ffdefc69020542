/**
 * Keeps the claims of running operations alive: one shared timer for all of them, which stops when it finds none. (Where
 * a timer ends with the request that started it, each claim has one of its own.)
 *
 * The store's clock decides when a lease runs out. Here a monotonic clock, started *before* the claim was sent, runs ahead of it, so the
 * owner gives up first.
 */
import { timersEndWithTheirRequest } from "./host.js";
import type { Held } from "./store.js";

export interface Lease {
  readonly held: Held;
  /** When the last confirmed lease runs out at the earliest, on the `performance.now()` clock. */
  readonly deadline: number;
  /** `kept`: confirmed. `late`: it may have run out, and nobody may have noticed. `lost`: somebody took over. */
  readonly status: "kept" | "late" | "lost";
  /** The write under this claim that was just confirmed renewed the lease; it was sent at `sentAt`. */
  renewed(sentAt: number): void;
  /** Stops the heartbeat of this claim. */
  end(): void;
}

export interface LeaseOptions {
  leaseMs: number;
  /** A claim is kept alive for this long at most. Default: as long as it is held. */
  maxHoldMs?: number;
  /** Sends one heartbeat. Rejects when the store gives no answer. */
  extend: (held: Held) => Promise<boolean>;
  /** A heartbeat got no answer. The lease may still be kept: the next one is on its way. */
  onError: (error: unknown) => void;
}

export interface Leases {
  hold(held: Held, claimedAt: number, onLoss: (lease: Lease) => void): Lease;
}

interface HeldLease extends Lease {
  deadline: number;
  status: "kept" | "late" | "lost";
}

type Timer = ReturnType<typeof setInterval>;

interface Beat {
  readonly until: number;
  inFlight: boolean;
  readonly onLoss: (lease: Lease) => void;
}

export function createLeases({
  leaseMs,
  maxHoldMs = Number.POSITIVE_INFINITY,
  extend,
  onError,
}: LeaseOptions): Leases {
  const tickMs = leaseMs / 6;
  const every = (act: () => void): Timer => {
    const started = setInterval(act, tickMs);
    (started as { unref?(): void }).unref?.();
    return started;
  };
  const beats = new Map<HeldLease, Beat>();
  let timer: Timer | undefined;

  function tick(): void {
    if (beats.size === 0) {
      clearInterval(timer);
      timer = undefined;
      return;
    }
    for (const [lease, beat] of beats) check(lease, beat);
  }

  function check(lease: HeldLease, beat: Beat): void {
    const now = performance.now();
    // Kept for as long as it may be, and nobody renews it any more: this is the last that is heard of it.
    if (now >= beat.until && lease.deadline <= now + tickMs) {
      lease.status = "late";
      lease.end();
      beat.onLoss(lease);
      return;
    }
    // Would run out before the next tick: the owner has to stop before the store lets somebody else in.
    if (lease.status === "kept" && lease.deadline <= now + tickMs) {
      lease.status = "late";
      beat.onLoss(lease);
    }
    const age = now - (lease.deadline - leaseMs);
    if (!beat.inFlight && now < beat.until && age >= leaseMs / 3 - tickMs / 2) {
      beat.inFlight = true;
      void renew(lease, beat);
    }
  }

  async function renew(lease: HeldLease, beat: Beat): Promise<void> {
    const sentAt = performance.now();
    try {
      if (await extend(lease.held)) lease.renewed(sentAt);
      else if (beats.has(lease)) {
        lease.status = "lost";
        lease.end();
        beat.onLoss(lease);
      }
    } catch (error) {
      onError(error);
    } finally {
      beat.inFlight = false;
    }
  }

  return {
    hold(held, claimedAt, onLoss) {
      const lease: HeldLease = {
        held,
        deadline: claimedAt + leaseMs,
        status: "kept",
        renewed(sentAt) {
          if (lease.status === "lost") return;
          lease.deadline = Math.max(lease.deadline, sentAt + leaseMs);
          // Nobody took over meanwhile: what starts under this claim from now on need not be aborted.
          if (lease.deadline > performance.now() + tickMs) lease.status = "kept";
        },
        end() {
          beats.delete(lease);
          if (own !== undefined) clearInterval(own);
        },
      };
      const beat: Beat = { until: claimedAt + maxHoldMs, inFlight: false, onLoss };
      beats.set(lease, beat);
      const own = timersEndWithTheirRequest() ? every(() => check(lease, beat)) : undefined;
      if (own === undefined) timer ??= every(tick);
      return lease;
    },
  };
}
