/** The steps that cases are made of. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  type AttemptRecord,
  type Claim,
  type ClaimDueRequest,
  type ClaimRequest,
  type DueWork,
  type ErrorCode,
  type Held,
  HooklatchError,
  type IdempotencyStore,
  type OperationId,
  type OperationRecord,
  type SettleRequest,
} from "@hooklatch/core";

/** A lease or delay that does not run out during a case. */
export const LONG = 60_000;
/** One that the case waits for. */
export const SHORT = 40;

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const EVENT = bytes("the event");
export const RESULT = bytes("the result");
export const ERROR = { name: "Error", message: "it failed" };
/** For a claim that keeps nothing. */
export const NO_EVENT = { event: undefined };

export const newOwner = (): string => `owner-${randomUUID()}`;

export function ended(attempt: number, message = "it failed"): AttemptRecord {
  return {
    attempt,
    startedAt: 1_700_000_000_000 + attempt,
    durationMs: 5,
    error: { name: "Error", message },
  };
}

/** Claims as a new owner, with a long lease and an event, unless told otherwise. */
export function claim(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ClaimRequest> = {},
): Promise<Claim> {
  return store.claim({
    id,
    owner: newOwner(),
    leaseMs: LONG,
    event: EVENT,
    redelivery: "rerun",
    redeliveryAfterMs: 0,
    ...change,
  });
}

/** Claims what must be there to be claimed. */
export async function take(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ClaimRequest> = {},
): Promise<Held> {
  const owner = change.owner ?? newOwner();
  const answer = await claim(store, id, { ...change, owner });
  assert.equal(answer.status, "claimed", `claim answered ${JSON.stringify(answer)}`);
  return { id, owner, token: (answer as Extract<Claim, { status: "claimed" }>).token };
}

/** Claims, and lets the attempt fail for good. */
export async function die(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ClaimRequest> & { letter?: boolean } = {},
): Promise<Held> {
  const { letter = true, ...claimed } = change;
  const held = await take(store, id, claimed);
  assert.equal(await store.fail({ ...held, error: ERROR, letter }), true, "fail was refused");
  return held;
}

/** Claims, and completes. */
export async function finish(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ClaimRequest> & { retentionMs?: number } = {},
): Promise<Held> {
  const { retentionMs = LONG, ...claimed } = change;
  const held = await take(store, id, claimed);
  assert.equal(await store.complete({ ...held, result: RESULT, retentionMs }), true, "complete was refused");
  return held;
}

/** Claims, and hands back. */
export async function wait(
  store: IdempotencyStore,
  id: OperationId,
  change: Partial<ClaimRequest> & { delayMs?: number } = {},
): Promise<Held> {
  const { delayMs = 0, ...claimed } = change;
  const held = await take(store, id, claimed);
  assert.equal(await store.retry({ ...held, delayMs }), true, "retry was refused");
  return held;
}

/** The work of this scope that one call hands out. */
export function due(
  store: IdempotencyStore,
  scope: string,
  change: Partial<ClaimDueRequest> = {},
): Promise<DueWork[]> {
  return store.claimDue({ scopes: [scope], owner: newOwner(), leaseMs: LONG, limit: 100, ...change });
}

/** The one piece of work that is due. */
export async function onlyDue(
  store: IdempotencyStore,
  scope: string,
  change: Partial<ClaimDueRequest> = {},
): Promise<DueWork> {
  const work = await due(store, scope, change);
  assert.equal(work.length, 1, `claimDue gave ${work.length} pieces of work, expected 1`);
  return work[0] as DueWork;
}

/** The run that is due, as held by the worker. */
export async function onlyRun(
  store: IdempotencyStore,
  scope: string,
  change: Partial<ClaimDueRequest> = {},
): Promise<Extract<DueWork, { kind: "run" }> & { held: Held }> {
  const owner = change.owner ?? newOwner();
  const work = await onlyDue(store, scope, { ...change, owner });
  assert.equal(work.kind, "run");
  const run = work as Extract<DueWork, { kind: "run" }>;
  return { ...run, held: { id: run.id, owner, token: run.token } };
}

export async function record(store: IdempotencyStore, id: OperationId): Promise<OperationRecord> {
  const found = await store.get(id);
  assert.ok(found, "get found no such operation");
  return found;
}

/** Settles with this token, in the life that is there. */
export async function settle(
  store: IdempotencyStore,
  request: Omit<SettleRequest, "bornAt">,
): Promise<boolean> {
  const bornAt = (await store.get(request.id))?.bornAt ?? 1;
  return store.settle({ ...request, bornAt });
}

/** What is stored, in a form that can be compared with a later one. */
export async function snapshot(store: IdempotencyStore, id: OperationId): Promise<string> {
  const found = await store.get(id);
  return JSON.stringify(found, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value));
}

/** Every property of `expected` is in `actual`, with that value. */
export function has<T extends object>(actual: T, expected: { readonly [name: string]: unknown }): void {
  const shown = Object.fromEntries(
    Object.keys(expected).map((name) => [name, (actual as Record<string, unknown>)[name]]),
  );
  assert.deepEqual(shown, expected);
}

export function sameBytes(actual: Uint8Array | null | undefined, expected: Uint8Array, what: string): void {
  assert.ok(
    actual instanceof Uint8Array,
    `${what}: expected bytes, got ${actual === null ? "null" : typeof actual}`,
  );
  assert.equal(actual.byteLength, expected.byteLength, `${what}: another length`);
  assert.ok(Buffer.compare(actual, expected) === 0, `${what}: the bytes differ`);
}

export async function rejectsWith(
  code: ErrorCode,
  call: () => Promise<unknown>,
  what: string,
): Promise<void> {
  await assert.rejects(
    call,
    (error: unknown) => {
      assert.ok(
        HooklatchError.is(error),
        `${what}: rejected with ${String(error)}, which is no HooklatchError`,
      );
      assert.equal(error.code, code, what);
      return true;
    },
    `${what}: was not rejected`,
  );
}

/** `ms` is at most `upTo`, and near it: the unit is milliseconds, and the clock is the store's. */
export function near(ms: number, upTo: number, what: string): void {
  assert.ok(ms > upTo - 30_000 && ms <= upTo, `${what}: expected about ${upTo}, got ${ms}`);
}
