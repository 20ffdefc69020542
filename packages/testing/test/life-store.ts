/**
 * A second, plain store over the pure functions of `@hooklatch/core/life`, made of parts that a test can replace by broken ones. With none
 * replaced it keeps the whole contract.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import {
  type Claim,
  type ClaimDueRequest,
  type DueWork,
  HooklatchError,
  type IdempotencyStore,
  type OperationId,
} from "@hooklatch/core";
import * as life from "@hooklatch/core/life";

export interface Entry {
  id: OperationId;
  life: life.Life;
  event: Uint8Array | null;
  result: Uint8Array | null;
  originalEvent: Uint8Array | null;
}

export const parts = {
  ...life,
  /** Under which name an operation is kept. */
  name: ({ scope, tenant, key }: OperationId): string => {
    for (const part of [scope, tenant ?? "", key]) {
      if (/\p{Surrogate}/u.test(part)) throw new HooklatchError("invalid_key", "not well-formed");
    }
    return JSON.stringify([scope, tenant ?? null, key]);
  },
  copy: (bytes: Uint8Array): Uint8Array => bytes.slice(),
  /** Whether nothing else can happen between reading and writing. */
  atomic: true,
  /** Whether `claimDue` may hand the entry out. */
  asked: (entry: Entry, request: ClaimDueRequest): boolean => request.scopes.includes(entry.id.scope),
  sameCaller: (owner: string | undefined, request: ClaimDueRequest): boolean => owner === request.owner,
  places: (request: ClaimDueRequest): number => request.limit,
  /** Of those, the places that letters may take although events are due. */
  letterPlaces: (request: ClaimDueRequest): number => Math.floor(request.limit / 2),
  purgeable: (entry: Entry, now: number): boolean => life.isExpired(entry.life, now),
  purgeLimit: (limit: number): number => limit,
  /** Whether an entry, if it is alive, makes its scope one that is listed. */
  inUse: (alive: Entry | undefined): boolean => alive !== undefined,
  counted: (entry: Entry, scope: string | undefined): boolean =>
    scope === undefined || entry.id.scope === scope,
};

export type Parts = typeof parts;

export function lifeStore(now: () => number, replaced: Partial<Parts> = {}): IdempotencyStore {
  const p: Parts = { ...parts, ...replaced };
  const entries = new Map<string, Entry>();
  let closed = false;

  function live(name: string): Entry | undefined {
    const entry = entries.get(name);
    if (entry === undefined || !p.isExpired(entry.life, now())) return entry;
    entries.delete(name);
    return undefined;
  }

  function assertOpen(): void {
    if (closed) throw new HooklatchError("store_closed", "closed");
  }

  async function apply<Answer>(
    id: OperationId,
    transition: (found: life.Life | undefined, now: number) => life.Step<Answer>,
  ): Promise<Answer> {
    assertOpen();
    const name = p.name(id);
    const found = live(name);
    const step = transition(found?.life, now());
    if (!p.atomic) await turn();
    if (step.next !== undefined) {
      const entry: Entry = found ?? {
        id: { ...id },
        life: step.next,
        event: null,
        result: null,
        originalEvent: null,
      };
      entry.life = step.next;
      if (step.event !== undefined) entry.event = step.event && p.copy(step.event);
      if (step.result !== undefined) entry.result = step.result && p.copy(step.result);
      if (step.originalEvent !== undefined)
        entry.originalEvent = step.originalEvent && p.copy(step.originalEvent);
      entries.set(name, entry);
    }
    return step.answer;
  }

  function run(entry: Entry): DueWork {
    const { token, attempt, recovered, replay, letter } = entry.life;
    const event = p.copy(entry.event ?? new Uint8Array(0));
    return { kind: "run", id: entry.id, token, attempt, recovered, replay, letter: letter !== "none", event };
  }

  function note({ id, life: { token, letter, bornAt } }: Entry): DueWork {
    return letter === "push" ? { kind: "push", id, token } : { kind: "remove", id, token, bornAt };
  }

  return {
    survives: "process",
    async claim(r) {
      const answer = await apply(r.id, (found, at) => p.claim(found, r, at));
      if (answer.status !== "completed") return answer;
      const result = entries.get(p.name(r.id))?.result ?? null;
      return { status: "completed", result: result && p.copy(result) } satisfies Claim;
    },
    extend: (r) => apply(r.id, (found, at) => p.extend(found, r, at)),
    complete: (r) => apply(r.id, (found, at) => p.complete(found, r, at)),
    retry: (r) => apply(r.id, (found, at) => p.retry(found, r, at)),
    fail: (r) => apply(r.id, (found, at) => p.fail(found, r, at)),
    settle: (r) => apply(r.id, (found) => p.settle(found, r)),
    discard: (r) => apply(r.id, (found, at) => p.discard(found, r, at)),
    outrank: (r) => apply(r.id, (found) => p.outrank(found, r)),
    release: (r) => apply(r.id, (found, at) => p.release(found, r, at)),
    schedule: (r) => apply(r.id, (found, at) => p.schedule(found, r, at)),

    async claimDue(r) {
      assertOpen();
      const all = [...entries.values()].filter((entry) => p.asked(entry, r));
      const runs = all.filter((entry) => (p.runnableAt(entry.life) ?? Number.POSITIVE_INFINITY) <= now());
      const notes = all.filter((entry) => (p.noteAt(entry.life) ?? Number.POSITIVE_INFINITY) <= now());
      const again = [
        ...all
          .filter(({ life }) => life.stored && life.state === "running" && p.sameCaller(life.owner, r))
          .map(run),
        ...all
          .filter(({ life }) => p.noteAt(life) !== undefined && p.sameCaller(life.noteOwner, r))
          .map(note),
      ];
      if (again.length > 0) return again;
      const letters = notes.slice(0, Math.max(p.letterPlaces(r), p.places(r) - runs.length));
      const work = letters.map((entry) => {
        entry.life = p.takeNote(entry.life, r.owner, r.leaseMs, now());
        return note(entry);
      });
      for (const entry of runs.slice(0, p.places(r) - work.length)) {
        entry.life = p.takeDue(entry.life, r.owner, r.leaseMs, now());
        work.push(run(entry));
      }
      return work;
    },

    async get(id) {
      assertOpen();
      const entry = live(p.name(id));
      if (entry === undefined) return undefined;
      const { event, result, originalEvent } = entry;
      return {
        ...p.recordOf(entry.id, entry.life),
        ...(entry.life.stored && event ? { event: p.copy(event) } : {}),
        ...(entry.life.state === "completed" ? { result: result && p.copy(result) } : {}),
        ...(originalEvent ? { originalEvent: p.copy(originalEvent) } : {}),
      };
    },
    async delete(id) {
      assertOpen();
      live(p.name(id));
      return entries.delete(p.name(id));
    },
    async stats(scope) {
      assertOpen();
      const stats = { running: 0, waiting: 0, completed: 0, dead: 0, released: 0, unsettled: 0 };
      const due: number[] = [];
      for (const [name, entry] of entries) {
        if (live(name) === undefined || !p.counted(entry, scope)) continue;
        stats[entry.life.state]++;
        if (p.noteAt(entry.life) !== undefined) stats.unsettled++;
        if (entry.life.state === "waiting") due.push(entry.life.dueAt ?? 0);
      }
      return due.length > 0 ? { ...stats, oldestWaitingAt: Math.min(...due) } : stats;
    },
    async scopes() {
      assertOpen();
      const all = [...entries].filter(([name]) => p.inUse(live(name))).map(([, { id }]) => id.scope);
      return [...new Set(all)].sort();
    },
    async purge({ limit }) {
      assertOpen();
      const gone = [...entries]
        .filter(([, entry]) => p.purgeable(entry, now()))
        .slice(0, p.purgeLimit(limit));
      for (const [name] of gone) entries.delete(name);
      return gone.length;
    },
    async close() {
      closed = true;
    },
  };
}

/** For parts that need to differ each time. */
export const random = (): string => randomUUID();
