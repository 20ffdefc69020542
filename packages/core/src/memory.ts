/**
 * The reference implementation: everything in one process's memory. For tests, and for handlers that may forget everything at a
 * restart. A `202` promises no more than that the process lives: `survives` says so.
 */
import { HooklatchError } from "./errors.js";
import { identityOf } from "./key.js";
import * as life from "./life.js";
import type {
  Claim,
  DueWork,
  IdempotencyStore,
  OperationId,
  OperationRecord,
  StoreDescription,
  StoreStats,
} from "./store.js";

export interface MemoryStoreOptions {
  /** The store's clock, ms since the epoch. For tests that must not wait. Default: `Date.now`. */
  now?: () => number;
}

interface Entry {
  id: OperationId;
  life: life.Life;
  event: Uint8Array | null;
  result: Uint8Array | null;
  originalEvent: Uint8Array | null;
}

const DESCRIPTION: StoreDescription = {
  kind: "memory",
  facts: {},
  promises: [
    { when: "a handler fails", keeps: "everything", why: "The event is in this process's memory." },
    { when: "the process ends", keeps: "nothing", why: "There is no copy outside of the process." },
  ],
  warnings: [
    "Use it for tests: everything is lost with the process, events that were answered 202 included.",
  ],
};

/** A store in this process's memory. Keeps every promise of the contract for as long as the process lives. */
export function memoryStore(options: MemoryStoreOptions = {}): IdempotencyStore {
  const now = options.now ?? Date.now;
  const entries = new Map<string, Entry>();
  /** Entries a worker may have to do with, so that a poll does not walk over everything that is completed. */
  const open = new Set<string>();
  let purgeFrom: IterableIterator<string> = entries.keys();
  let closed = false;

  function apply<Answer>(
    id: OperationId,
    step: (found: life.Life | undefined, now: number) => life.Step<Answer>,
  ): [Answer, Entry | undefined] {
    if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
    const name = identityOf(id);
    const found = entries.get(name);
    const { answer, next, event, result, originalEvent } = step(found?.life, now());
    if (next !== undefined) {
      const entry = found ?? { id: { ...id }, life: next, event: null, result: null, originalEvent: null };
      entry.life = next;
      // Copies: the caller may reuse its buffer.
      if (event !== undefined) entry.event = event?.slice() ?? null;
      if (result !== undefined) entry.result = result?.slice() ?? null;
      if (originalEvent !== undefined) entry.originalEvent = originalEvent?.slice() ?? null;
      entries.set(name, entry);
      index(name, entry);
    }
    return [answer, found];
  }

  function index(name: string, entry: Entry): void {
    if (life.runnableAt(entry.life) === undefined && life.noteAt(entry.life) === undefined) open.delete(name);
    else open.add(name);
  }

  return {
    survives: "process",
    async claim(r) {
      const [answer, found] = apply(r.id, (known, at) => life.claim(known, r, at));
      if (answer.status !== "completed") return answer;
      return { status: "completed", result: found?.result?.slice() ?? null } satisfies Claim;
    },
    extend: async (r) => apply(r.id, (found, at) => life.extend(found, r, at))[0],
    complete: async (r) => apply(r.id, (found, at) => life.complete(found, r, at))[0],
    retry: async (r) => apply(r.id, (found, at) => life.retry(found, r, at))[0],
    fail: async (r) => apply(r.id, (found, at) => life.fail(found, r, at))[0],
    settle: async (r) => apply(r.id, (found) => life.settle(found, r))[0],
    discard: async (r) => apply(r.id, (found, at) => life.discard(found, r, at))[0],
    outrank: async (r) => apply(r.id, (found) => life.outrank(found, r))[0],
    release: async (r) => apply(r.id, (found, at) => life.release(found, r, at))[0],
    schedule: async (r) => apply(r.id, (found, at) => life.schedule(found, r, at))[0],

    async claimDue({ scopes, owner, leaseMs, limit }) {
      if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
      const at = now();
      const mine: DueWork[] = [];
      const runs: { at: number; entry: Entry }[] = [];
      const notes: { at: number; entry: Entry }[] = [];
      for (const name of open) {
        const entry = entries.get(name) as Entry;
        if (!scopes.includes(entry.id.scope)) continue;
        const runAt = life.runnableAt(entry.life);
        const noteAt = life.noteAt(entry.life);
        if (entry.life.state === "running" && entry.life.owner === owner) {
          entry.life = { ...entry.life, leaseUntil: at + leaseMs };
          mine.push(runWork(entry));
        } else if (noteAt !== undefined && entry.life.noteOwner === owner) mine.push(noteWork(entry));
        else if (runAt !== undefined && runAt <= at) runs.push({ at: runAt, entry });
        else if (noteAt !== undefined && noteAt <= at) notes.push({ at: noteAt, entry });
      }
      // A resent call: the same work again, and nothing else.
      if (mine.length > 0) return mine;
      return life.shareOut(runs, notes, limit).map(({ entry }) => {
        if (life.noteAt(entry.life) !== undefined) {
          entry.life = life.takeNote(entry.life, owner, leaseMs, at);
          return noteWork(entry);
        }
        entry.life = life.takeDue(entry.life, owner, leaseMs, at);
        return runWork(entry);
      });
    },

    async get(id) {
      if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
      const entry = entries.get(identityOf(id));
      return entry === undefined || life.isExpired(entry.life, now()) ? undefined : recordOf(entry);
    },

    async delete(id) {
      if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
      const name = identityOf(id);
      open.delete(name);
      return entries.delete(name);
    },

    async stats(scope) {
      if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
      const stats: StoreStats = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0, unsettled: 0 };
      const at = now();
      for (const { id, life: l } of entries.values()) {
        if ((scope !== undefined && id.scope !== scope) || life.isExpired(l, at)) continue;
        stats[l.state]++;
        if (life.noteAt(l) !== undefined) stats.unsettled++;
        if (l.state === "waiting" && l.dueAt !== undefined) {
          stats.oldestWaitingAt = Math.min(stats.oldestWaitingAt ?? Number.POSITIVE_INFINITY, l.dueAt);
        }
      }
      return stats;
    },

    async scopes() {
      if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
      const at = now();
      const alive = [...entries.values()].filter((entry) => !life.isExpired(entry.life, at));
      return [...new Set(alive.map(({ id }) => id.scope))].sort();
    },

    describe: async () => DESCRIPTION,

    async purge({ limit }) {
      if (closed) throw new HooklatchError("store_closed", "The memory store is closed.");
      const at = now();
      let purged = 0;
      let turns = 0;
      // Goes on where the last call stopped, so that each call costs the same however much is kept.
      for (let seen = 0; seen < limit * 10 && purged < limit; seen++) {
        const next = purgeFrom.next();
        if (next.done) {
          purgeFrom = entries.keys();
          if (++turns > 1) break;
          continue;
        }
        const entry = entries.get(next.value);
        if (entry === undefined || !life.isExpired(entry.life, at)) continue;
        entries.delete(next.value);
        open.delete(next.value);
        purged++;
      }
      return purged;
    },

    async close() {
      closed = true;
      entries.clear();
      open.clear();
    },
  };
}

function runWork(entry: Entry): DueWork {
  const { token, attempt, recovered, replay, letter } = entry.life;
  return {
    kind: "run",
    id: { ...entry.id },
    token,
    attempt,
    recovered,
    replay,
    letter: letter !== "none",
    event: (entry.event as Uint8Array).slice(),
  };
}

function noteWork(entry: Entry): DueWork {
  const { token, bornAt, letter } = entry.life;
  if (letter === "push") return { kind: "push", id: { ...entry.id }, token };
  return { kind: "remove", id: { ...entry.id }, token, bornAt };
}

function recordOf({ id, life: l, event, result, originalEvent }: Entry): OperationRecord {
  return {
    ...life.recordOf(id, l),
    ...(l.stored && event !== null ? { event: event.slice() } : {}),
    ...(l.state === "completed" ? { result: result?.slice() ?? null } : {}),
    ...(originalEvent === null ? {} : { originalEvent: originalEvent.slice() }),
  };
}
