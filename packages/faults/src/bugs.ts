/** Deliberately broken stores: a harness that stays green on one of these is blind. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Held, IdempotencyStore } from "@hooklatch/core";
import { overlay } from "./watch.js";

type Bug = (store: IdempotencyStore) => Partial<IdempotencyStore>;

export const BUGS = {
  /** Writes are not fenced: whoever comes writes as the present owner. */
  "no-token": (store) => {
    const asPresentOwner = async <R extends Held>(request: R): Promise<R> => {
      const record = await store.get(request.id);
      return record === undefined ? request : { ...request, owner: record.owner, token: record.token };
    };
    return {
      extend: async (request) => store.extend(await asPresentOwner(request)),
      complete: async (request) => store.complete(await asPresentOwner(request)),
      retry: async (request) => store.retry(await asPresentOwner(request)),
      fail: async (request) => store.fail(await asPresentOwner(request)),
    };
  },
  /** Confirms a completion that is not stored yet. */
  "ack-before-complete": (store) => ({
    async complete(request) {
      void sleep(1_000).then(() => store.complete(request));
      return true;
    },
  }),
  /** An attempt counts when it has failed, not when it starts: a crash is never counted. */
  "count-at-failure": (store) => ({
    async claim(request) {
      const claim = await store.claim(request);
      if (claim.status !== "claimed" || !claim.recovered) return claim;
      return { ...claim, attempt: ((await store.get(request.id))?.attempts.length ?? 0) + 1 };
    },
    async claimDue(request) {
      const works = await store.claimDue(request);
      return Promise.all(
        works.map(async (work) => {
          if (work.kind !== "run") return work;
          return { ...work, attempt: ((await store.get(work.id))?.attempts.length ?? 0) + 1 };
        }),
      );
    },
  }),
  /** A dead operation owes no letter. */
  "forget-letter": (store) => ({
    fail: (request) => store.fail({ ...request, letter: false }),
  }),
  /** A pushed letter is never settled. */
  "never-settle": () => ({
    settle: async () => true,
  }),
  /** A lease protects nobody. */
  "claim-always": (store) => ({
    async claim(request) {
      const claim = await store.claim(request);
      if (claim.status !== "running") return claim;
      await store.schedule({ id: request.id, replayId: randomUUID(), delayMs: 0, force: true });
      return store.claim(request);
    },
  }),
  /** The event is not kept, and the store says that it is. */
  "lost-event": (store) => ({
    async claim({ event: _, ...request }) {
      const claim = await store.claim(request);
      return "stored" in claim ? { ...claim, stored: true } : claim;
    },
  }),
  /** Nothing due or abandoned is ever handed out. */
  "deaf-worker": () => ({
    claimDue: async () => [],
  }),
} satisfies Record<string, Bug>;

export type BugName = keyof typeof BUGS;

/** `FAULTS_BUG`, which all apps of a run then have. */
export function chooseBug(): BugName | undefined {
  const name = process.env.FAULTS_BUG;
  if (name === undefined || name in BUGS) return name as BugName | undefined;
  throw new Error(`FAULTS_BUG is one of ${Object.keys(BUGS).join(", ")}.`);
}

export function withBug(store: IdempotencyStore, bug: BugName | undefined): IdempotencyStore {
  return bug === undefined ? store : overlay(store, BUGS[bug](store));
}
