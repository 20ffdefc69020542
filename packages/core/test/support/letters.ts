/** Dead letters made as the flow makes them. */
import {
  type DeadLetter,
  type DeadLetterQueue,
  type IdempotencyStore,
  letterId,
  memoryDeadLetters,
  memoryStore,
  type OperationId,
} from "@hooklatch/core";
import { bury } from "../../src/burial.js";
import { utf8 } from "./outcome.js";

export interface Systems {
  store: IdempotencyStore;
  deadLetters: DeadLetterQueue;
}

export function systems(): Systems {
  return { store: memoryStore(), deadLetters: memoryDeadLetters() };
}

/** An operation that died, and its letter. */
export async function bury1(
  { store, deadLetters }: Systems,
  id: OperationId,
  {
    event = utf8(`{"key":"${id.key}"}`),
    message = "it failed",
  }: { event?: Uint8Array; message?: string } = {},
): Promise<DeadLetter> {
  const owner = `owner-${id.key}-${Math.random()}`;
  const claim = await store.claim({
    id,
    owner,
    leaseMs: 60_000,
    event,
    redelivery: "rerun",
    redeliveryAfterMs: 0,
  });
  if (claim.status !== "claimed") throw new Error(`the claim answered ${claim.status}`);
  await fail({ store, deadLetters }, id, owner, claim.token, message);
  return (await deadLetters.get(letterId(id))) as DeadLetter;
}

/** What is due, run by nobody, fails again. */
export async function failDue({ store, deadLetters }: Systems, scope: string): Promise<number> {
  const owner = `worker-${Math.random()}`;
  const due = await store.claimDue({ scopes: [scope], owner, leaseMs: 60_000, limit: 1_000 });
  for (const work of due) {
    if (work.kind === "run")
      await fail({ store, deadLetters }, work.id, owner, work.token, "it failed again");
  }
  return due.length;
}

/** What is due completes. */
export async function completeDue({ store, deadLetters }: Systems, scope: string): Promise<number> {
  const owner = `worker-${Math.random()}`;
  const due = await store.claimDue({ scopes: [scope], owner, leaseMs: 60_000, limit: 1_000 });
  for (const work of due) {
    if (work.kind !== "run") continue;
    const { id, token } = work;
    await store.complete({ id, owner, token, result: utf8("done"), retentionMs: 60_000 });
    await deadLetters.remove(letterId(id));
  }
  return due.length;
}

async function fail(
  { store, deadLetters }: Systems,
  id: OperationId,
  owner: string,
  token: number,
  message: string,
) {
  const error = { name: "Error", message };
  const ended = { attempt: 1, startedAt: 1_700_000_000_000, durationMs: 5, error };
  await store.fail({ id, owner, token, error, ended, letter: true });
  await bury(store, deadLetters, id);
}
